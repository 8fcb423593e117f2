/**
 * What the log records of one approval: its entries, taken together, say what was requested, who agreed and
 * whether it was used. The row of the store that a request waits in says none of that.
 *
 * @packageDocumentation
 */
import { contradiction } from './contradiction.ts'
import type { ApprovalEntry, ApprovalRequestEntry, ApprovalUseEntry, EntryCaller } from './entry.ts'
import { toEntryCaller } from './entry-caller.ts'
import { type LogTree, openProvenLog } from './proven-entry.ts'

/** An approval as the log records it. */
export interface LoggedApproval {
  readonly id: string
  readonly action: string
  readonly resource: string
  readonly requestSha256: string
  /** What about the change needs approval. */
  readonly protectedActions: readonly string[]
  readonly expires: Date
  /** Indices of the request and of the approvals, by who made them; each caller is there once. */
  readonly agreed: ReadonlyMap<string, number>
  readonly isUsed: boolean
}

/** More entries than any approval has: it is complete with far fewer. */
const MAX_ENTRIES = 64

/** One text for one caller, as far as the log names it; an issuer's address has no blank in it. */
export function nameCaller(caller: EntryCaller): string {
  const { issuer, subject } = toEntryCaller(caller)
  return `${issuer} ${subject}`
}

/**
 * Reads an approval; undefined where the log has no request of that id. Each entry must be in the tree of
 * the log.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the entries do not follow from each other, or are
 * not in the tree
 */
export async function readLoggedApproval(
  log: LogTree,
  id: string,
): Promise<LoggedApproval | undefined> {
  const indices = await log.find(`approval:${id}`, { limit: MAX_ENTRIES })
  const read = await openProvenLog(log)
  let approval: LoggedApproval | undefined
  for (const index of indices.toReversed()) {
    const entry = await read(index)
    // Labels are not part of what is hashed, so the entry itself decides.
    if (entry.type === 'approval' && entry.approvalId === id) {
      approval = followApproval(approval, index, entry)
    }
  }
  return approval
}

/**
 * An approval once it has one more entry.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the entry cannot follow
 */
export function followApproval(
  before: LoggedApproval | undefined,
  index: number,
  entry: ApprovalEntry,
): LoggedApproval {
  const { caller } = entry
  if (caller === undefined) throw contradiction(index, 'an approval step needs a caller')
  if (entry.step === 'request') return begin(before, index, entry, nameCaller(caller))
  assertOpen(before, index, entry)
  if (entry.step === 'use') {
    assertUse(before, index, entry)
    return { ...before, isUsed: true }
  }
  const name = nameCaller(caller)
  if (before.agreed.has(name)) throw contradiction(index, `${name} had agreed already`)
  return { ...before, agreed: new Map([...before.agreed, [name, index]]) }
}

function begin(
  before: LoggedApproval | undefined,
  index: number,
  entry: ApprovalRequestEntry,
  requester: string,
): LoggedApproval {
  if (before !== undefined) throw contradiction(index, 'its approval id is taken')
  const { approvalId: id, action, resource, requestSha256, protectedActions, expires } = entry
  const agreed = new Map([[requester, index]])
  return { id, action, resource, requestSha256, protectedActions, expires, agreed, isUsed: false }
}

function assertOpen(
  before: LoggedApproval | undefined,
  index: number,
  entry: ApprovalEntry,
): asserts before is LoggedApproval {
  if (before === undefined) throw contradiction(index, 'no request precedes it')
  const isSame =
    before.action === entry.action &&
    before.resource === entry.resource &&
    before.requestSha256 === entry.requestSha256
  if (!isSame) throw contradiction(index, 'it is about another request')
  if (before.isUsed) throw contradiction(index, 'the approval was used before')
  if (entry.time >= before.expires) throw contradiction(index, 'the approval had expired')
}

function assertUse({ agreed }: LoggedApproval, index: number, entry: ApprovalUseEntry): void {
  const { approvals, required } = entry
  const isComplete = agreed.size >= required && String(approvals) === String([...agreed.values()])
  if (isComplete) return
  throw contradiction(index, `it needs ${required} approvals, and ${agreed.size} precede it`)
}
