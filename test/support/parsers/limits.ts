/** What the list of parsers is made of. */
import { JSON_SHAPES, TEXT_SHAPES, type Shape } from './shapes.ts'

/** One parser at its limit. */
export interface ParserAtLimit {
  /** Name of the function that is exported. */
  readonly name: string
  /** Most bytes that it reads, or that its callers read for it. */
  readonly limit: number
  readonly shapes: Readonly<Record<string, Shape>>
  /** Parses; may throw. */
  readonly parse: (input: Uint8Array) => unknown
}

export const KiB = 1024
export const MiB: number = 1024 * KiB
export const text = (input: Uint8Array): string => Buffer.from(input).toString()
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export const ofJson = (
  name: string,
  limit: number,
  parse: (input: Uint8Array) => unknown,
  more: ParserAtLimit['shapes'] = {},
): ParserAtLimit => ({
  name,
  limit,
  shapes: { ...JSON_SHAPES, ...more },
  parse,
})

export const ofText = (
  name: string,
  limit: number,
  parse: (text: string) => unknown,
  more: ParserAtLimit['shapes'] = {},
): ParserAtLimit => ({
  name,
  limit,
  shapes: { ...TEXT_SHAPES, ...more },
  parse: (input) => parse(text(input)),
})
/** What a header of HTTP can hold at most: node ends a connection that sends more. */
export const HEADER: number = 16 * KiB
/** What a command line or a variable can hold at most. */
export const ARGUMENT: number = 128 * KiB
