/**
 * Test vectors that this project made: `testdata/vectors`, written by `npm run vectors`. Unlike those of
 * others (vectors.ts) they are part of every checkout, so their tests always run.
 *
 * @packageDocumentation
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT } from './project.ts'

/** Where the vectors are. */
export const OWN_VECTORS: string = join(PROJECT, 'testdata/vectors')
const KEYS = join(PROJECT, 'testdata/keys')

/** The verdict on one input, and which other implementations agreed when it was made. */
export interface VectorCase {
  readonly id: string
  readonly comment: string
  readonly valid: boolean
  /** The rule of a standard, or of ours, that decides where others are more lenient. */
  readonly rule?: string
  readonly confirmedBy: readonly string[]
  /** Implementations that gave the other verdict; `rule` says why ours is right. */
  readonly contradictedBy?: readonly string[]
}

/** Cases of one kind of input and, where one is needed, one key. */
export interface VectorGroup<Input extends object> {
  readonly group: string
  /** Name of a file in testdata/keys. */
  readonly key?: string
  readonly algorithm?: string
  /** How the input is encoded. */
  readonly form?: string
  readonly cases: readonly (VectorCase & Input)[]
}

/** One file of vectors. */
export interface VectorFile<Input extends object> {
  readonly format: string
  readonly made: string
  /** Name and version of each implementation that `confirmedBy` names. */
  readonly confirmers: Readonly<Record<string, string>>
  readonly groups: readonly VectorGroup<Input>[]
}

/** Reads the vectors of a format; the shape of its input is the caller's claim. */
export function readOwnVectors<Input extends object>(format: string): VectorFile<Input> {
  return JSON.parse(readFileSync(join(OWN_VECTORS, `${format}.json`), 'utf8')) as VectorFile<Input>
}

/** The private test key of a name. */
export function ownPrivateKey(name: string): KeyObject {
  return createPrivateKey(readFileSync(join(KEYS, `${name}.pem`)))
}

/** The public half of a test key, or a public key or certificate that has no private half here. */
export function ownPublicKey(name: string): KeyObject {
  return createPublicKey(readFileSync(join(KEYS, `${name}.pem`)))
}

/** Whether there is a test key of a name. */
export function hasOwnKey(name: string): boolean {
  return existsSync(join(KEYS, `${name}.pem`))
}

/** Tests every case of a format: `accepts` gives the verdict of our code. */
export function describeOwnVectors<Input extends object>(
  format: string,
  accepts: (input: VectorCase & Input, group: VectorGroup<Input>) => boolean | Promise<boolean>,
): void {
  describe(`our vectors of ${format}`, () => {
    const { groups } = readOwnVectors<Input>(format)
    test.each(groups)('$group: every case gets its verdict', async (group) => {
      const wrong: string[] = []
      for (const input of group.cases) {
        if ((await accepts(input, group)) !== input.valid)
          wrong.push(`${input.id}: ${input.comment}`)
      }

      expect(wrong).toEqual([])
    })
  })
}
