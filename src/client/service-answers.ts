/** What a service answers, read strictly: a service may be mistaken, or not be the one that was meant. */
import { decodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { readMembership, toMemberJson } from '../formats/batch.ts'
import { type JsonObject, type ObjectReader, readObject } from '../formats/json.ts'
import type { LegacyImageSignature } from '../signing/sign-artifact.ts'
import { problemToError } from './problem.ts'

/** The key version that did something. */
export interface SignedBy {
  readonly key: string
  readonly version: number
  readonly kid: string
}

/** A Sigstore bundle that was made, and where the log has it. */
export interface MadeBundle {
  readonly bundle: JsonObject
  readonly logIndex: number
}

/** A signature in cosign's older layout, and where the log has it. */
export interface MadeLegacy {
  readonly legacy: LegacyImageSignature
  readonly logIndex: number
}

/** What came of one artifact: a signature, or why it is missing. */
export type ArtifactOutcome =
  | ((MadeBundle | MadeLegacy) & { readonly digest: string })
  | { readonly digest: string; readonly error: CountersignError }

/** Answer to a request for signatures. */
export interface SignaturesMade extends SignedBy {
  /** One for each artifact, in the order of the request. */
  readonly results: readonly ArtifactOutcome[]
}

/** Answer to a request for an attestation. */
export interface AttestationMade extends SignedBy, MadeBundle {
  readonly predicateType: string
}

/** Answer to a request for a token. */
export interface TokenMade extends SignedBy {
  readonly token: string
  readonly jti: string
  readonly expires: Date
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_JSON_INVALID', `malformed answer of the service: ${why}`, {
    hint: 'check that the address is that of a countersign service, and its version',
  })
}

/**
 * Reads the answer to a request for signatures.
 *
 * @param digests - of the request: the answer must be about them, one by one
 * @throws {@link CountersignError} ERR_JSON_INVALID
 */
export function readSignatures(json: JsonObject, digests: readonly string[]): SignaturesMade {
  const answer = readObject(json, malformed, 'it')
  const results = answer.objects('results').map(readOutcome)
  assertAbout(results, digests)
  return { ...readSignedBy(answer), results }
}

/**
 * Reads the answer to a request for a batch: each artifact gets its member of the batch.
 *
 * @param digests - of the request: the answer must be about them, one by one
 * @throws {@link CountersignError} ERR_JSON_INVALID, ERR_BUNDLE_INVALID
 */
export function readBatch(json: JsonObject, digests: readonly string[]): SignaturesMade {
  const answer = readObject(json, malformed, 'it')
  const { bundle, logIndex } = readBundle(answer)
  const results = answer.objects('members').map((member) => ({
    digest: member.text('digest'),
    bundle: toMemberJson(bundle, readMembership(member)),
    logIndex,
  }))
  assertAbout(results, digests)
  return { ...readSignedBy(answer), results }
}

function assertAbout(
  results: readonly { readonly digest: string }[],
  digests: readonly string[],
): void {
  const isAbout = results.length === digests.length
  if (isAbout && results.every(({ digest }, index) => digest === digests[index])) return
  throw malformed('its results are not those of the artifacts that were asked about')
}

function readOutcome(result: ObjectReader): ArtifactOutcome {
  const digest = result.text('digest')
  const problem = result.optionalObject('problem')
  if (problem === undefined) {
    const legacy = result.optionalObject('legacy')
    return { digest, ...(legacy === undefined ? readBundle(result) : readLegacy(result, legacy)) }
  }
  const error = problemToError(problem.json)
  if (error === undefined) throw malformed('a problem without a code that is known')
  return { digest, error }
}

/**
 * Reads the answer to a request for an attestation.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID
 */
export function readAttestation(json: JsonObject): AttestationMade {
  const answer = readObject(json, malformed, 'it')
  const predicateType = answer.text('predicateType')
  return { ...readSignedBy(answer), ...readBundle(answer), predicateType }
}

/**
 * Reads the answer to a request for a token.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID
 */
export function readToken(json: JsonObject): TokenMade {
  const answer = readObject(json, malformed, 'it')
  const expires = answer.time('expires')
  return {
    ...readSignedBy(answer),
    token: answer.text('token'),
    jti: answer.text('jti'),
    expires,
  }
}

function readSignedBy(answer: ObjectReader): SignedBy {
  return { key: answer.text('key'), version: answer.count('version'), kid: answer.text('kid') }
}

function readBundle(answer: ObjectReader): MadeBundle {
  return { bundle: answer.object('bundle').json, logIndex: answer.count('logIndex') }
}

function readLegacy(result: ObjectReader, legacy: ObjectReader): MadeLegacy {
  const read = (name: string): Uint8Array => {
    const bytes = decodeBase64(legacy.text(name))
    if (bytes === undefined) throw malformed(`${name} is not base64`)
    return bytes
  }
  return {
    legacy: { payload: read('payload'), signature: read('signature') },
    logIndex: result.count('logIndex'),
  }
}
