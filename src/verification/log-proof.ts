/**
 * Proofs that lie beside a signature (C2SP tlog-proof): the leaf of the signature is in a log of the trusted root.
 *
 * @packageDocumentation
 */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import { parsePublicKeySpki } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../formats/checkpoint.ts'
import { logNameAt } from '../formats/log-address.ts'
import { isEd25519Spki, logVerifierKey, type NoteKey } from '../formats/note-key.ts'
import type { TlogProof } from '../formats/tlog-proof.ts'

/** A proof, and where it was found. */
export interface FoundProof {
  /** For people. */
  readonly source: string
  readonly proof: TlogProof
}

/** A log that a trusted root lists, by one of its keys. */
export interface TrustedLog {
  /** Name in its checkpoints. */
  readonly name: string
  readonly key: NoteKey
  /** Id of the key in bundles: 32 bytes. */
  readonly keyId: Uint8Array
}

/** The logs of a trusted root that sign checkpoints as ours does: with Ed25519, under the host of their address. */
export function trustedLogs(root: TrustedRoot | undefined): readonly TrustedLog[] {
  return (root?.tlogs ?? []).flatMap(({ baseUrl, publicKey, logId }) => {
    const name = logNameAt(baseUrl)
    const spki = publicKey?.rawBytes
    if (name === undefined || spki === undefined || !isEd25519Spki(spki)) return []
    const key = logVerifierKey(name, parsePublicKeySpki(spki, 'EdDSA'))
    return [{ name, key, keyId: logId?.keyId ?? new Uint8Array() }]
  })
}

/**
 * By what checkpoints of the logs of a trusted root are known.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it lists none
 *
 * @example
 * ```ts
 * import { logIdentity, parseTrustedRoot } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { keys } = logIdentity(await parseTrustedRoot(await readFile('log/trusted-root.json')))
 * console.log(keys.length > 0) // true
 * ```
 */
export function logIdentity(root: TrustedRoot | undefined): LogIdentity {
  const keys = trustedLogs(root).map(({ key }) => key)
  if (keys.length > 0) return { keys }
  throw new CountersignError('ERR_LOG_PROOF_INVALID', 'no transparency log is trusted', {
    hint: 'give the trusted root of the log, or pin the service',
    reason: 'log-not-trusted',
  })
}

/**
 * Verifies that a leaf is in a log, and answers the checkpoint under which it is.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — the checkpoint is malformed, changed, or of another log;
 * ERR_LOG_PROOF_INVALID — the proof does not lead from the leaf to the root of the checkpoint
 *
 * @example
 * ```ts
 * import { logIdentity, parseTlogProof, parseTrustedRoot, verifyTlogProof } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const proof = parseTlogProof(await readFile('log/last.tlog-proof'))
 * const leaf = await readFile('log/last.tlog-proof.leaf')
 * const log = logIdentity(await parseTrustedRoot(await readFile('log/trusted-root.json')))
 * console.log(verifyTlogProof(proof, leaf, log).size > proof.index) // true
 * ```
 */
export function verifyTlogProof(
  { index, hashes, checkpoint }: TlogProof,
  leaf: Uint8Array,
  log: LogIdentity,
): Checkpoint {
  const signed = openCheckpoint(Buffer.from(checkpoint), log)
  const { size, root } = signed
  verifyInclusion({ index, size, root, leaf: leafHash(leaf), proof: hashes })
  return signed
}
