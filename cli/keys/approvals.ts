/** `countersign key approvals|approve`: changes that need several approvers. */
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { type KeyServerFlags, openKeyServer } from './server.ts'
import { schema } from '../render/json.ts'
import { renderApproval } from '../render/server-key.ts'

/** Lists what waits for approvals in a service. */
export async function showApprovals(
  flags: KeyServerFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const waiting = await openKeyServer(flags, environment).approvals()
  const painter = environment.terminal.report
  return {
    exitCode: 0,
    document: {
      schema: schema('approvals'),
      ok: true,
      exitCode: 0,
      approvals: waiting.map(({ json }) => json),
    },
    report:
      waiting.length === 0
        ? 'no change waits for approval\n'
        : waiting.map((one) => renderApproval(one, painter)).join(''),
  }
}

/** Approves what waits, if it still is what its approver saw. */
export async function approveOnServer(
  id: string,
  flags: KeyServerFlags & { readonly request: string },
  environment: CommandEnvironment,
): Promise<Outcome> {
  const approved = await openKeyServer(flags, environment).approve(id, flags.request)
  return {
    exitCode: 0,
    document: { schema: schema('approval'), ok: true, exitCode: 0, approval: approved.json },
    report: renderApproval(approved, environment.terminal.report),
  }
}
