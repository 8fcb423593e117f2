/** `countersign audit show|verify|export`. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { ENTRY_TYPES } from '../../src/log/entry-codecs.ts'
import type { CommandEnvironment } from '../command.ts'
import { exportLogCommand } from '../log/export.ts'
import { showAudit } from '../log/audit-show.ts'
import { verifyAudit } from '../log/audit-verify.ts'
import { collect, parseCount, requireWitnessOption, witnessKeyOption } from '../options/shared.ts'
import { serverOption, tokenFileOption } from '../service/client.ts'
import { timeOption } from '../options/time.ts'

const MAX_SHOWN = 1_000_000

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('audit').description(
    'Read the audit log of a service: who did what with its keys, and what was refused.',
  )
  command.addCommand(showSubcommand(environment))
  command.addCommand(verifySubcommand(environment))
  command.addCommand(exportSubcommand(environment))
  return command
}

function showSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  const { context } = environment
  return new Command('show')
    .summary('list entries, the newest first')
    .description('List entries of the audit log, the newest first. Nothing of them is verified.')
    .argument('[folder]', 'folder of an exported log')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .optionsGroup('Which entries:')
    .option('--key <name>', 'about a named key')
    .option('--kid <kid>', 'about one key version')
    .option('--digest <digest>', 'about an artifact: sha256:HEX')
    .option('--bundle <file>', 'of a bundle: its file, or the SHA-256 of its file in hex')
    .option('--jti <id>', 'of a token')
    .addOption(new Option('--type <type>', 'of one type').choices(ENTRY_TYPES))
    .addOption(timeOption('--from <time>', 'not before: 2026-11-22, or 7d ago', context))
    .addOption(timeOption('--to <time>', 'before', context))
    .addOption(
      new Option('--limit <count>', 'at most so many')
        .argParser(parseCount(1, MAX_SHOWN))
        .default(100),
    )
    .action(environment.action((folder, flags) => showAudit(folder, flags, environment)))
}

function verifySubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('verify')
    .summary('check that nothing is missing from the audit log, changed or out of order')
    .description(
      'Verify a whole audit log: every entry leads to the root that its key signed, nothing that was there at an earlier checkpoint is gone, no key version signed after it was revoked, and what needed approvals has them. Of a service, also that its transparency log has every signature and change, and nothing more.',
    )
    .argument('[folder]', 'folder of an exported log')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(
      new Option(
        '--key <vkey>',
        'verifier key of the audit log, or a file that holds it (default: as the pinned service has it)',
      ).argParser(collect),
    )
    .addOption(
      new Option('--log-key <vkey>', 'verifier key of the transparency log, or a file').argParser(
        collect,
      ),
    )
    .option('--checkpoint <file>', 'an earlier checkpoint that you kept: the log must continue it')
    .option('--origin <name>', 'name of the log, where it is not that of its key')
    .option('--strict', 'fail where an entry has something that only a later release understands')
    .addOption(requireWitnessOption())
    .addOption(witnessKeyOption())
    .action(environment.action((folder, flags) => verifyAudit(folder, flags, environment)))
}

function exportSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('export')
    .summary('save the audit log to a folder, for verifying offline')
    .description(
      'Save the audit log to a folder, in the layout of C2SP tlog-tiles. Doing it again adds what is new.',
    )
    .argument('<folder>', 'where to')
    .addOption(serverOption().makeOptionMandatory())
    .addOption(tokenFileOption())
    .action(
      environment.action((folder, flags) =>
        exportLogCommand(folder, { ...flags, isAudit: true }, environment),
      ),
    )
}
