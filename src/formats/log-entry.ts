/**
 * The transparency log entry of a bundle (sigstore_rekor.proto, TransparencyLogEntry), as a Rekor v2 log's is
 * written: an inclusion proof under a checkpoint, no promise and no time of integration.
 *
 * @packageDocumentation
 */
import { encodeBase64 } from '../crypto/base64.ts'
import { HASHEDREKORD_KIND } from './hashedrekord.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** A leaf of a log, and the proof that it is there. */
export interface ProvenLeaf {
  readonly leaf: Uint8Array
  readonly index: number
  /** Of the tree that the checkpoint is about. */
  readonly size: number
  readonly root: Uint8Array
  /** Hashes of the inclusion proof, lowest first. */
  readonly hashes: readonly Uint8Array[]
  /** The signed note, text. */
  readonly checkpoint: string
  /** Of the log's key: 32 bytes. */
  readonly keyId: Uint8Array
}

/** A copy of a bundle that carries the proof of its entry. */
export function withLogEntry(bundle: JsonObject, proven: ProvenLeaf): JsonObject {
  return withEntries(bundle, [toEntryJson(proven)])
}

/** A copy of a bundle without entries of logs: what was signed, and what stands for it in our own log. */
export function withoutLogEntries(bundle: JsonObject): JsonObject {
  return withEntries(bundle, undefined)
}

const ENTRIES = 'tlogEntries'

function withEntries(bundle: JsonObject, entries: readonly JsonObject[] | undefined): JsonObject {
  const { verificationMaterial: material } = bundle
  if (!isJsonObject(material)) return bundle
  const rest = Object.fromEntries(Object.entries(material).filter(([name]) => name !== ENTRIES))
  const changed = entries === undefined ? rest : { ...rest, [ENTRIES]: [...entries] }
  return { ...bundle, verificationMaterial: changed }
}

function toEntryJson(proven: ProvenLeaf): JsonObject {
  const logIndex = String(proven.index)
  return {
    logIndex,
    logId: { keyId: encodeBase64(proven.keyId) },
    kindVersion: { ...HASHEDREKORD_KIND },
    inclusionProof: {
      logIndex,
      rootHash: encodeBase64(proven.root),
      treeSize: String(proven.size),
      hashes: proven.hashes.map((hash) => encodeBase64(hash)),
      checkpoint: { envelope: proven.checkpoint },
    },
    canonicalizedBody: encodeBase64(proven.leaf),
  }
}
