/** The step from a signed batch to the statement of one member: its proof leads to the signed root. */
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { type BatchMembership, type BatchTree, readBatchTree } from '../formats/batch.ts'
import { parseStatement, type Statement } from '../formats/statement.ts'

/**
 * Finds the statement of a member in a batch whose signature has been verified.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID — the batch does not contain the statement;
 * ERR_BUNDLE_INVALID — what is signed is not a batch; ERR_STATEMENT_INVALID, ERR_JSON_INVALID
 */
export function memberStatement(signed: Statement, member: BatchMembership): Statement {
  assertContains(readBatchTree(signed), member)
  return parseStatement(member.statement)
}

function assertContains(
  { size, root }: BatchTree,
  { statement, index, hashes }: BatchMembership,
): void {
  try {
    verifyInclusion({ index, size, root, leaf: leafHash(statement), proof: hashes })
  } catch (cause) {
    if (!CountersignError.is(cause)) throw cause
    throw new CountersignError(
      'ERR_SIGNATURE_INVALID',
      'the signed batch does not contain the statement of this bundle',
      { hint: 'the bundle was changed after signing; fetch it again', cause },
    )
  }
}
