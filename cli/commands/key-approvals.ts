/** The subcommands of `countersign key` for changes that need several approvers. */
import { Command, type CommandUnknownOpts, InvalidArgumentError } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'
import { approveOnServer, showApprovals } from '../keys/approvals.ts'
import { requiredServerOption as serverOption, tokenFileOption } from '../service/client.ts'

/** Builds them. */
export function approvalSubcommands(environment: CommandEnvironment): CommandUnknownOpts[] {
  const approvals = new Command('approvals')
    .summary('list what waits for approvals in a service')
    .description('List requests that others have to approve, with everything they say.')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .action(environment.action((flags) => showApprovals(flags, environment)))
  const approve = new Command('approve')
    .summary('approve a request that waits')
    .description(
      'Approve a pending request; its requester then sends it again. Review it first: key approvals.',
    )
    .argument('<id>', 'id of the request')
    .requiredOption(
      '--request <sha256>',
      'SHA-256 of the request as key approvals shows it, so that you approve exactly what you reviewed',
      parseSha256,
    )
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .action(environment.action((id, flags) => approveOnServer(id, flags, environment)))
  return [approvals, approve]
}

function parseSha256(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new InvalidArgumentError('Not a SHA-256 in hex.')
}
