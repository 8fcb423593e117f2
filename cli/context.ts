/**
 * What a command may touch: handed in, so that a test runs the very command in its own process with
 * its own streams, clock and environment.
 *
 * @packageDocumentation
 */
import type { Environment } from '../src/config/environment.ts'

/** A place text goes to. */
export interface TextSink {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** The world outside a command. */
export interface Context {
  /** Data: what a pipe wants. */
  readonly stdout: TextSink
  /** Talk: what a person reads. */
  readonly stderr: TextSink
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean | undefined }
  readonly env: Environment
  readonly fetch: typeof fetch
  readonly now: () => Date
  /** Waits before a retry, in place of a timer: tests wait for nothing. */
  readonly pause?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** Aborted when the user cancels. */
  readonly signal: AbortSignal
  /** Called by a command that ends in its own time when cancelled; others are ended after a while. */
  readonly endsByItself?: () => void
  /** Has a listener called for each SIGHUP, which ends the process no more. */
  readonly onHangUp?: (listener: () => void) => void
}

/** How a command ended. */
export interface Outcome {
  readonly exitCode: number
  /** The document `--json` prints; its `schema` names its form. */
  readonly document: { readonly schema: string } & Readonly<Record<string, unknown>>
  /** What is printed on stdout without `--json`; data only, as it is. */
  readonly text?: string
  /** As text, for people to read: on a terminal its lines are broken between words. */
  readonly report?: string
}
