/** What the makers of golden documents share: keys that are made for one set alone, and a list of what was made. */
import { ALGORITHM_NAMES, type AlgorithmName } from '../../src/crypto/algorithms.ts'
import type { PublishedVersion } from '../../src/keys/key-history.ts'
import type { SignArtifactOptions } from '../../src/signing/sign-artifact.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { GOLDEN_FILES, type GoldenDocument } from '../../test/support/golden/documents.ts'
import { testSigner } from '../../test/support/signers.ts'
import { createTestAuthority } from '../../test/support/time-stamps.ts'

/** A file of a set. */
export interface MadeFile {
  readonly path: string
  readonly bytes: Uint8Array | string
}

/** A document of a set, and the file that holds it. */
export interface Made extends GoldenDocument {
  readonly bytes: Uint8Array | string
  /** The leaf that a proof is about, kept beside it as `.leaf`. */
  readonly beside?: Uint8Array
}

/** What everything is signed about. */
export const ARTIFACT: Buffer = Buffer.from(`${GOLDEN_FILES.artifact}: signed for ever\n`)

/** Gives times. */
export const AUTHORITY: ReturnType<typeof createTestAuthority> = createTestAuthority()

const STAMPED: SignArtifactOptions = {
  timestamp: async (signature) => (await AUTHORITY.authority.stampSignature(signature)).response,
}

/** Options of a signature with a time, or without. */
export function stamping(isStamped: boolean): SignArtifactOptions {
  return isStamped ? STAMPED : {}
}

/** A key of its own for each algorithm and purpose. */
export function goldenSigner(purpose: string, algorithm: AlgorithmName = 'ES256'): Signer {
  return testSigner(algorithm, `golden ${purpose} ${algorithm}`)
}

/** Signers of one purpose, by every algorithm. */
export function goldenSigners(purpose: string): readonly Signer[] {
  return ALGORITHM_NAMES.map((algorithm) => goldenSigner(purpose, algorithm))
}

/** A version as a key history has it. */
export function goldenVersion(
  { key }: Signer,
  name: string,
  changes: Partial<PublishedVersion> = {},
): PublishedVersion {
  return {
    key,
    name,
    version: 1,
    use: 'artifact',
    origin: 'generated',
    state: 'active',
    validFor: { start: new Date('2026-01-03T00:00:00Z'), end: undefined },
    compromisedSince: undefined,
    ...changes,
  }
}

/** JSON for people. */
export function toJsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
