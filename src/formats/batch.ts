/**
 * A signed batch: one signature for many statements, by the root of a Merkle tree over them (RFC 6962 section 2.1,
 * SHA-256; each leaf is a whole in-toto statement). The signed statement states root and size; what is kept for an
 * artifact, a batch member, is the bundle of that statement, its own statement, and the proof that it is a leaf.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { HASH_BYTES } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import type { JsonObject, ObjectReader } from './json.ts'
import type { NewStatement, Statement, Subject } from './statement.ts'

/** Predicate type of the statement that is signed. */
export const BATCH_PREDICATE_TYPE = 'https://countersign.dev/merkle-batch/v1'

/** Media type of a batch member. */
export const BATCH_MEMBER_MEDIA_TYPE = 'application/vnd.countersign.batch-member.v1+json'

/** Most statements of a batch: no proof has more than 24 hashes. */
export const MAX_BATCH_SIZE: number = 2 ** 24

const MAX_HASHES = 24
/** Not a hash of any content, so no verifier takes the batch for a statement about a file. */
const ROOT_DIGEST = 'merkleRootSha256'

/** What a signed batch states. */
export interface BatchTree {
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** Where a statement is in a signed batch; unchecked until its proof is verified. */
export interface BatchMembership {
  /** The leaf: JSON of an in-toto statement. */
  readonly statement: Uint8Array
  readonly index: number
  /** Hashes beside the path to the root, lowest first. */
  readonly hashes: readonly Uint8Array[]
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed batch member: ${why}`)
}

/** Makes the statement that is signed for a batch. */
export function createBatchStatement({ size, root }: BatchTree): NewStatement {
  return {
    subjects: [{ name: 'batch', digest: { [ROOT_DIGEST]: Buffer.from(root).toString('hex') } }],
    predicateType: BATCH_PREDICATE_TYPE,
    predicate: { size },
  }
}

/**
 * Reads what a signed batch states, in its one form.
 *
 * @throws {@link CountersignError} ERR_BUNDLE_INVALID — another predicate type, or not of that form
 */
export function readBatchTree({ subjects, predicateType, predicate }: Statement): BatchTree {
  if (predicateType !== BATCH_PREDICATE_TYPE) throw malformed('what is signed is not a batch')
  const [subject, ...others] = subjects
  if (subject === undefined || others.length > 0) throw malformed('the batch has several subjects')
  return { size: readSize(predicate), root: readRoot(subject) }
}

function readRoot({ digest }: Subject): Uint8Array {
  const { [ROOT_DIGEST]: root = '', ...others } = digest
  const isOnlyRoot = /^[0-9a-f]{64}$/.test(root) && Object.keys(others).length === 0
  if (!isOnlyRoot) throw malformed('the batch does not state a root, and nothing else')
  return Buffer.from(root, 'hex')
}

function readSize({ size, ...others }: JsonObject): number {
  const isCount = typeof size === 'number' && Number.isInteger(size) && size >= 1
  if (!isCount || size > MAX_BATCH_SIZE || Object.keys(others).length > 0) {
    throw malformed(`the batch does not state a size of 1 to ${MAX_BATCH_SIZE}`)
  }
  return size
}

/**
 * Reads where a statement is in a batch. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_BUNDLE_INVALID
 */
export function readMembership(member: ObjectReader): BatchMembership {
  const statement = readBytes(member.text('statement'), 'its statement')
  const index = member.count('index')
  const texts = member.value('hashes')
  if (!Array.isArray(texts) || texts.length > MAX_HASHES) {
    throw malformed(`expected an array of at most ${MAX_HASHES} hashes`)
  }
  const hashes = texts.map((text) => readBytes(text, 'a hash'))
  if (hashes.some(({ length }) => length !== HASH_BYTES)) throw malformed('a hash is not 32 bytes')
  return { statement, index, hashes }
}

function readBytes(text: unknown, what: string): Uint8Array {
  const bytes = typeof text === 'string' ? decodeBase64(text) : undefined
  if (bytes === undefined || bytes.length === 0) throw malformed(`${what} is not base64`)
  return bytes
}

/** Writes a batch member around the bundle of its batch. */
export function toMemberJson(bundle: JsonObject, member: BatchMembership): JsonObject {
  return {
    mediaType: BATCH_MEMBER_MEDIA_TYPE,
    statement: encodeBase64(member.statement),
    index: member.index,
    hashes: member.hashes.map((hash) => encodeBase64(hash)),
    bundle,
  }
}
