/**
 * Replays of earlier answers. What was kept of them lies in the database, so nothing of it counts that the
 * log does not prove: each release has an entry with the hash of the request and the answer to it. And what a
 * version signed that has been revoked since is not handed out again.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonValue } from '../../formats/json.ts'
import type { EntryKey, SignatureEntry } from '../../log/entry.ts'
import { readProvenEntry } from '../../log/proven-entry.ts'
import type { ServiceContext } from '../context.ts'
import { hashAnswer, type Logged, type Request, withProof } from './release.ts'

/** What replays need of the service. */
export type ReplayContext = Pick<ServiceContext, 'keyring' | 'proveLeaf' | 'store'>

/** A request that was answered before. */
export interface Replay {
  readonly request: Request
  /** What was kept of the answer, as the database has it. */
  readonly kept: JsonValue
}

/** Releases of one version, as they were answered. */
export interface ProvenReleases<Output> {
  readonly key: EntryKey
  readonly releases: readonly (Output & Logged)[]
}

/**
 * Proves what was kept of an answer, and holds the version that signed it against its present state.
 *
 * @param attempts - what each release was kept under
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it is not what was answered; ERR_KEY_REVOKED — by
 * a version, or stamped by one, that is revoked; ERR_KEY_NOT_USABLE — by one that is not known
 */
export async function proveReleases<Output>(
  context: ReplayContext,
  kept: JsonValue,
  attempts: readonly (string | undefined)[],
): Promise<ProvenReleases<Output>> {
  const list: readonly JsonValue[] = Array.isArray(kept) ? kept : []
  if (list.length !== attempts.length) throw changed()
  const proven = await Promise.all(
    list.map((release, place) => proveRelease<Output>(context, release, attempts[place])),
  )
  const [first] = proven
  if (first === undefined) throw changed()
  await assertNotRevoked(
    context,
    proven.map(({ entry }) => entry),
  )
  return { key: first.entry.key, releases: proven.map(({ release }) => release) }
}

/**
 * The same for an answer of one release: what was kept, and the version that signed it.
 *
 * @throws {@link CountersignError} as {@link proveReleases}
 */
export async function proveOnlyRelease<Output>(
  context: ReplayContext,
  { request: { attempt }, kept }: Replay,
): Promise<Output & Logged & { key: string; version: number; kid: string }> {
  const { key, releases } = await proveReleases<Output>(context, kept, [attempt])
  const { name, ...version } = key
  const [released] = releases
  if (released === undefined) throw new TypeError('one attempt has one release')
  return { key: name, ...version, ...released }
}

interface ProvenRelease<Output> {
  readonly entry: SignatureEntry
  readonly release: Output & Logged
}

async function proveRelease<Output>(
  { proveLeaf, store }: ReplayContext,
  kept: JsonValue,
  attempt: string | undefined,
): Promise<ProvenRelease<Output>> {
  if (!isJsonObject(kept) || attempt === undefined) throw changed()
  const { logIndex, ...output } = kept
  if (typeof logIndex !== 'number' || !Number.isSafeInteger(logIndex) || logIndex < 0) {
    throw changed()
  }
  const entry = await readProvenEntry(store.log, logIndex)
  const isRelease = entry.type === 'signature' || entry.type === 'attestation'
  if (!isRelease || entry.answerSha256 !== hashAnswer(attempt, output)) throw changed()
  if (entry.publicEntry === undefined) throw changed()
  // Rebuilt: the hash of the answer does not cover the proof that was kept with it.
  const proven = withProof(output, await proveLeaf(entry.publicEntry))
  // Its hash is that of an output of this request.
  return { entry, release: { ...(proven as Output), logIndex } }
}

async function assertNotRevoked(
  { keyring }: ReplayContext,
  entries: readonly SignatureEntry[],
): Promise<void> {
  await keyring.refresh()
  const { versions } = keyring.snapshot
  for (const { key, timestamp } of entries) {
    const signer = versions.find(({ publicKey }) => publicKey.kid === key.kid)
    const stamper = versions.find(({ publicKey }) => publicKey.kid === timestamp?.kid)
    if (signer === undefined) throw refused('ERR_KEY_NOT_USABLE', key, 'is not known')
    for (const version of [signer, stamper]) {
      if (version?.revokedAt === undefined) continue
      const revoked = { name: version.key, version: version.version, kid: version.publicKey.kid }
      throw refused('ERR_KEY_REVOKED', revoked, 'is revoked')
    }
  }
}

function refused(
  code: 'ERR_KEY_REVOKED' | 'ERR_KEY_NOT_USABLE',
  { name, version, kid }: EntryKey,
  why: string,
): CountersignError {
  const message = `the answer is by ${name}@${version}, which ${why}`
  return new CountersignError(code, message, {
    hint: 'send the request with another Idempotency-Key: the active version signs it',
    details: { key: name, version, kid },
  })
}

function changed(): CountersignError {
  const message = 'the answer that was kept is not the one in the log'
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'send the request with another Idempotency-Key, and report to the operator of the service that its database was modified',
  })
}
