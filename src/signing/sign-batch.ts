/**
 * Signing many statements by one signature: that of a batch, which states the root of a Merkle tree over them.
 *
 * @packageDocumentation
 */
import { leafHash } from '../crypto/merkle.ts'
import { MerkleTree } from '../crypto/merkle-tree.ts'
import { CountersignError } from '../errors.ts'
import {
  BATCH_MEMBER_MEDIA_TYPE,
  type BatchMembership,
  createBatchStatement,
  MAX_BATCH_SIZE,
  toMemberJson,
} from '../formats/batch.ts'
import { type NewStatement, serializeStatement } from '../formats/statement.ts'
import {
  signAnyStatement,
  type SignArtifactOptions,
  type SignedBundle,
  type WithFacts,
} from './sign-artifact.ts'
import type { Signer } from './signer.ts'

/** Statements that are signed together. */
export interface Batch {
  /** The statement that is signed. */
  readonly statement: NewStatement
  /** Where a statement is in the batch, by its place in the order they were given. */
  readonly membership: (index: number) => BatchMembership
}

/**
 * Makes a batch of statements. Each is serialized again when it is asked for: of a million, only the hashes stay in
 * memory.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — one is not valid; ERR_INPUT_TOO_LARGE — over 2^24 of them
 */
export function createBatch(statements: readonly NewStatement[]): Batch {
  if (statements.length > MAX_BATCH_SIZE) throw tooMany(statements.length)
  const tree = new MerkleTree(statements.map((one) => leafHash(serializeStatement(one))))
  const membership = (index: number): BatchMembership => ({
    statement: serializeStatement(at(statements, index)),
    index,
    hashes: tree.proofOf(index),
  })
  return { statement: createBatchStatement(tree), membership }
}

/** A batch that has been signed. */
export interface SignedBatch {
  /** What was signed: the statement of the batch. */
  readonly signed: SignedBundle & WithFacts
  /** What is kept for one of the statements, by its place in the order they were given. */
  readonly member: (index: number) => SignedBundle
}

/**
 * Signs statements as one batch, with one operation of the key.
 *
 * @throws {@link CountersignError} as {@link createBatch}; and the errors of {@link Signer.sign}
 */
export async function signBatch(
  signer: Signer,
  statements: readonly NewStatement[],
  options: SignArtifactOptions = {},
): Promise<SignedBatch> {
  const { statement, membership } = createBatch(statements)
  const signed = await signAnyStatement(signer, statement, options)
  const member = (index: number): SignedBundle => {
    const { predicateType } = at(statements, index)
    return { ...toMember(signed, membership(index)), predicateType }
  }
  return { signed, member }
}

/** Puts a member around the bundle of its batch. */
function toMember(
  { parsed }: Pick<SignedBundle, 'parsed'>,
  member: BatchMembership,
): Pick<SignedBundle, 'bundle' | 'parsed'> {
  return {
    bundle: Buffer.from(JSON.stringify(toMemberJson(parsed.json, member))),
    parsed: { ...parsed, mediaType: BATCH_MEMBER_MEDIA_TYPE, member },
  }
}

function at(statements: readonly NewStatement[], index: number): NewStatement {
  const statement = statements[index]
  if (statement === undefined) throw new RangeError(`no statement ${index} in the batch`)
  return statement
}

function tooMany(count: number): CountersignError {
  return new CountersignError(
    'ERR_INPUT_TOO_LARGE',
    `a batch of ${count} statements, expected at most ${MAX_BATCH_SIZE}`,
    { hint: 'sign them in several batches', details: { maxStatements: MAX_BATCH_SIZE } },
  )
}
