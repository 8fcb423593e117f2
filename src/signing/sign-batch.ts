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

/** Many statements, signed at once. */
export interface SignedBatch {
  /** What was signed: the statement of the batch. */
  readonly signed: SignedBundle & WithFacts
  /** What is kept for one of the statements, by its place in the request. */
  readonly member: (index: number) => SignedBundle
}

/**
 * Signs statements as one batch, with one operation of the key. Each is serialized again when its member is asked
 * for: of a million, only the hashes stay in memory.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — one is not valid; ERR_INPUT_TOO_LARGE — over 2^24 of them;
 * and the errors of {@link Signer.sign}
 */
export async function signBatch(
  signer: Signer,
  statements: readonly NewStatement[],
  options: SignArtifactOptions = {},
): Promise<SignedBatch> {
  if (statements.length > MAX_BATCH_SIZE) throw tooMany(statements.length)
  const tree = new MerkleTree(statements.map((one) => leafHash(serializeStatement(one))))
  const signed = await signAnyStatement(signer, createBatchStatement(tree), options)
  const member = (index: number): SignedBundle => {
    const statement = statements[index]
    if (statement === undefined) throw new RangeError(`no statement ${index} in the batch`)
    return toMember(signed, tree, { index, statement })
  }
  return { signed, member }
}

function toMember(
  { parsed }: SignedBundle,
  tree: MerkleTree,
  { index, statement }: { readonly index: number; readonly statement: NewStatement },
): SignedBundle {
  const member = {
    statement: serializeStatement(statement),
    index,
    hashes: tree.proofOf(index),
  }
  return {
    bundle: Buffer.from(JSON.stringify(toMemberJson(parsed.json, member))),
    parsed: { ...parsed, mediaType: BATCH_MEMBER_MEDIA_TYPE, member },
    predicateType: statement.predicateType,
  }
}

function tooMany(count: number): CountersignError {
  return new CountersignError(
    'ERR_INPUT_TOO_LARGE',
    `a batch of ${count} statements, expected at most ${MAX_BATCH_SIZE}`,
    { hint: 'sign them in several batches', details: { maxStatements: MAX_BATCH_SIZE } },
  )
}
