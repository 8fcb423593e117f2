/**
 * What logs state about a signature. Stock verifiers prove that an entry is in its log, and compare some of its
 * members; what is logged is the whole leaf, so the whole leaf is compared.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { formatDigest, hashBytes } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { Bundle, BundleContent } from '../formats/bundle.ts'
import { encodePae } from '../formats/dsse.ts'
import {
  HASHEDREKORD_KIND,
  serializeHashedRekord,
  type SignatureFacts,
} from '../formats/hashedrekord.ts'
import { type JsonObject, readObject } from '../formats/json.ts'
import { serializeSignatureLeaf } from '../formats/signature-leaf.ts'
import { assertWitnessed, type WitnessDemand } from '../formats/witnesses.ts'
import type { Checklist } from './checklist.ts'
import type { LoggedIn } from './evidence.ts'
import { type FoundProof, logIdentity, verifyTlogProof } from './log-proof.ts'
import type { Policy } from './policy.ts'
import { revokedLog } from './revoked-logs.ts'
import type { TrustedKey, TrustMaterial } from './trust.ts'

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed Sigstore bundle: ${why}`)
}

/**
 * Makes sure that each Rekor v2 entry of a bundle that a key signed is about that key and that signature.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — one is not; ERR_BUNDLE_INVALID — one is malformed
 */
export function assertEntriesAbout({ json, content }: Bundle, key: PublicKeyInfo): void {
  const material = readObject(json, malformed, 'it').object('verificationMaterial')
  for (const entry of material.objects('tlogEntries', 'optional')) {
    const { kind, version } = entry.object('kindVersion').json
    if (kind !== HASHEDREKORD_KIND.kind || version !== HASHEDREKORD_KIND.version) continue
    assertBody(entry.json, serializeHashedRekord(key, signatureFacts(content, key)))
  }
}

/** A signature whose signer is known, and the logs that have it by what its bundle carries. */
export interface SignatureToFind {
  readonly signer: TrustedKey
  /** Undefined where a certificate signed: no log of ours has it. */
  readonly facts: SignatureFacts | undefined
  readonly logged: readonly LoggedIn[]
  /** Since when the key of a log is compromised that signed an entry of it, which does not count. */
  readonly compromisedSince?: Date | undefined
}

/** By what it is judged. */
export interface LogDemand {
  readonly trust: TrustMaterial
  readonly policy: Pick<Policy, 'evidence'>
  /** Proofs that lie beside it. */
  readonly logProofs?: readonly FoundProof[] | undefined
}

/**
 * Makes sure that as many logs as are demanded have a signature, and as many witnesses saw one of them; answers
 * how many have it. Where no number is demanded, what a service signs needs the entry that its bundles carry.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — too few have it; ERR_WITNESS_MISSING — too few saw it
 */
export function assertLogged(
  signature: SignatureToFind,
  demand: LogDemand,
  checks: Checklist,
): number {
  const { logEntries, witnesses } = demand.policy.evidence
  const isUsual = logEntries === undefined && isOfLoggingService(signature, demand)
  if (!isUsual && isIndifferent(demand)) return signature.logged.length
  checks.start('log', describeDemand(demand))
  const { proven, failures } = verifyProofs(signature, demand)
  const found = signature.logged.length + countOthers(proven, signature.logged)
  assertEnough(found, { signature, demanded: logEntries ?? 0, failures })
  if (isUsual && found === 0) assertUnlogged(signature)
  const cosigners = findWitnesses([...signature.logged, ...proven], witnesses)
  checks.pass([`${found} log entries`, ...cosigners].join(', '))
  return found
}

/** Whether no number of logs and witnesses would be refused, and none is to be counted. */
function isIndifferent({ policy: { evidence }, logProofs = [] }: LogDemand): boolean {
  const { logEntries = 0, witnesses } = evidence
  return logEntries === 0 && (witnesses?.count ?? 0) === 0 && logProofs.length === 0
}

function isOfLoggingService({ facts, signer }: SignatureToFind, { trust }: LogDemand): boolean {
  const hasLog = (trust.trustedRoot?.tlogs.length ?? 0) > 0
  return facts !== undefined && signer.issuer !== undefined && hasLog
}

function describeDemand({ policy: { evidence } }: LogDemand): string {
  const { logEntries = 'the usual', witnesses } = evidence
  const by = witnesses === undefined ? '' : `, cosigned by ${witnesses.count} witnesses`
  return `at least ${logEntries} log entries${by}`
}

interface VerifiedProofs {
  readonly proven: readonly LoggedIn[]
  /** Of each proof that proves nothing of it: why. */
  readonly failures: readonly CountersignError[]
}

function verifyProofs(
  { facts, signer }: SignatureToFind,
  { logProofs = [], trust }: LogDemand,
): VerifiedProofs {
  if (facts === undefined || logProofs.length === 0) return { proven: [], failures: [] }
  const leaf = serializeSignatureLeaf(signer.key, facts)
  const proven: LoggedIn[] = []
  const failures: CountersignError[] = []
  for (const { source, proof } of logProofs) {
    try {
      const { origin: log } = verifyTlogProof(proof, leaf, logIdentity(trust.trustedRoot))
      proven.push({ log, checkpoint: proof.checkpoint })
    } catch (cause) {
      if (!CountersignError.is(cause)) throw cause
      const message = `"${source}" does not prove it: ${cause.message}`
      failures.push(new CountersignError('ERR_LOG_PROOF_INVALID', message, { cause }))
    }
  }
  return { proven, failures }
}

/** Proofs by a log count once, and not where an entry of that log counts already. */
function countOthers(proven: readonly LoggedIn[], logged: readonly LoggedIn[]): number {
  const known = new Set(logged.map(({ log }) => log))
  const others = proven.map(({ log }) => log).filter((log) => !known.has(log))
  return new Set(others).size
}

interface Shortfall {
  readonly signature: SignatureToFind
  readonly demanded: number
  readonly failures: readonly CountersignError[]
}

function assertEnough(
  found: number,
  { signature, demanded, failures: [failure] }: Shortfall,
): void {
  if (found >= demanded) return
  const { compromisedSince, facts, signer } = signature
  if (compromisedSince !== undefined) throw revokedLog(compromisedSince)
  const why = failure === undefined ? '' : `; ${failure.message}`
  const message = `${found} of ${demanded} required log entries verified${why}`
  const isCarried = facts === undefined || serializeHashedRekord(signer.key, facts) !== undefined
  throw new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: isCarried
      ? 'give the trusted root of the log, or a bundle with a log entry'
      : 'signatures of this form carry no log entry: give a log proof',
    reason: isCarried ? 'log-entry-unproven' : 'log-proof-missing',
    details: { expected: demanded, actual: found },
    cause: failure,
  })
}

/** One checkpoint to which a proof leads must have all of them. */
function findWitnesses(
  logged: readonly LoggedIn[],
  demand: WitnessDemand | undefined,
): readonly string[] {
  if (demand === undefined || demand.count === 0) return []
  let missing: unknown = noCheckpoint(demand)
  for (const { checkpoint } of logged) {
    if (checkpoint === undefined) continue
    try {
      const cosigned = assertWitnessed(Buffer.from(checkpoint), demand)
      return cosigned.map(({ witness }) => `cosigned by ${witness.name}`)
    } catch (error) {
      missing = error
    }
  }
  throw missing
}

function noCheckpoint({ count }: WitnessDemand): CountersignError {
  const message = `no verified log entry has a checkpoint, expected one with cosignatures of ${count} witnesses`
  return new CountersignError('ERR_WITNESS_MISSING', message, {
    hint: 'give the trusted root of the log, and a bundle with the proof of its entry',
    reason: 'checkpoint-missing',
    details: { expected: count, actual: 0 },
  })
}

/**
 * Makes sure that what has no entry is by a key, and of a form, of which bundles carry none. The older layout has no
 * member for a proof, so a thief of a key would choose it: what counts is whether a bundle by the key has one.
 */
function assertUnlogged({ compromisedSince, facts, signer }: SignatureToFind): void {
  if (compromisedSince !== undefined) throw revokedLog(compromisedSince)
  if (facts === undefined) return
  const isOlder = facts.content === 'payload'
  const asBundle = isOlder ? ({ ...facts, content: 'envelope' } as const) : facts
  if (serializeHashedRekord(signer.key, asBundle) === undefined) return
  const { message, ...remedy } = isOlder ? OLDER_UNLOGGED : UNLOGGED
  const why = 'and the service logs every signature it releases'
  throw new CountersignError('ERR_LOG_PROOF_INVALID', `${message}, ${why}`, remedy)
}

const UNLOGGED = {
  message: 'the bundle has no entry of the transparency log',
  hint: 'it may have been signed without the service; sign the artifact again with the service',
  reason: 'signature-unlogged',
} as const

const OLDER_UNLOGGED = {
  message: 'a signature in the older cosign layout carries no entry of the transparency log',
  hint: 'verify a bundle of the image instead, or give a log proof',
  reason: 'older-signature-unlogged',
} as const

function assertBody({ canonicalizedBody }: JsonObject, expected: Uint8Array | undefined): void {
  const body = typeof canonicalizedBody === 'string' ? decodeBase64(canonicalizedBody) : undefined
  if (body !== undefined && expected !== undefined && Buffer.from(body).equals(expected)) return
  throw new CountersignError(
    'ERR_LOG_PROOF_INVALID',
    'the log entry of the bundle is about another signature, or not in its one form',
    { hint: 'do not rely on the bundle: ask who published it for another copy' },
  )
}

/**
 * What a log states about the signature in a bundle that a key made.
 *
 * @example
 * ```ts
 * import { parseBundle, parsePublicKeyPem, signatureFacts } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const key = parsePublicKeyPem(await readFile('release.pub', 'utf8'))
 * const { content } = parseBundle(await readFile('download/app.tar.gz.sigstore.json'))
 * console.log(signatureFacts(content, key).content) // file
 * ```
 */
export function signatureFacts(
  content: BundleContent,
  { algorithm }: PublicKeyInfo,
): SignatureFacts {
  if (content.kind === 'message') {
    return { content: 'file', digest: content.digest, signature: content.signature }
  }
  const { payload, payloadType, signatures } = content.envelope
  const hash = algorithm.hash ?? 'sha256'
  const digest = formatDigest(hash, hashBytes(hash, encodePae(payloadType, payload)))
  return { content: 'envelope', digest, signature: signatures[0]?.sig ?? new Uint8Array() }
}
