/** `countersign log show|verify|export|proof|witness`. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'
import { PUBLIC_KEY_FORMS, SIGNING_KEY_REFERENCES } from '../keys/forms.ts'
import { exportLogCommand } from '../log/export.ts'
import { proveBundle } from '../log/proof.ts'
import { showLog } from '../log/show.ts'
import { verifyLogCommand } from '../log/verify.ts'
import {
  algorithmOption,
  collect,
  maxTrustAgeOption,
  parseCount,
  passphraseFileOption,
  requireWitnessOption,
  witnessKeyOption,
} from '../options/shared.ts'
import { configOption } from '../configuration.ts'
import { serverOption, tokenFileOption } from '../service/client.ts'

const KINDS = ['signature', 'state'] as const
const MAX_SHOWN = 1_000_000

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('log').description(
    'Read the transparency log of a service: every signature it released, every change of its keys.',
  )
  command.addCommand(showSubcommand(environment))
  command.addCommand(verifySubcommand(environment))
  command.addCommand(exportSubcommand(environment))
  command.addCommand(witnessSubcommand(environment))
  command.addCommand(proofSubcommand(environment))
  return command
}

function showSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('show')
    .summary('list entries, the newest first')
    .description('List entries of the log, the newest first. Nothing of them is verified.')
    .argument('[folder]', 'folder of an exported log')
    .addOption(serverOption())
    .addOption(unlistedTokenOption())
    .optionsGroup('Which entries:')
    .option('--kid <kid>', 'about one key version')
    .option('--digest <digest>', 'about what was signed: sha256:HEX of a file or an envelope')
    .addOption(new Option('--type <type>', 'of one kind').choices(KINDS))
    .addOption(
      new Option('--limit <count>', 'at most so many')
        .argParser(parseCount(1, MAX_SHOWN))
        .default(100),
    )
    .action(environment.action((folder, flags) => showLog(folder, flags, environment)))
}

function verifySubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('verify')
    .summary('check that nothing is missing from the log, changed or out of order')
    .description(
      'Verify a whole transparency log: every entry leads to the root that its key signed, nothing that was there at an earlier checkpoint is gone, and no key version signed after it was revoked. Of a service, also that all keys it publishes follow from its log.',
    )
    .argument('[folder]', 'folder of an exported log')
    .addOption(serverOption())
    .addOption(unlistedTokenOption())
    .addOption(
      new Option(
        '--key <vkey>',
        'verifier key of the log, or a file that holds it (default: as the pinned service has it)',
      ).argParser(collect),
    )
    .option('--checkpoint <file>', 'an earlier checkpoint that you kept: the log must continue it')
    .option('--origin <name>', 'name of the log, where it is not that of its key')
    .option('--strict', 'fail where an entry has something that only a later release understands')
    .addOption(requireWitnessOption())
    .addOption(witnessKeyOption())
    .optionsGroup('The audit log too:')
    .addOption(
      new Option(
        '--audit',
        'verify the audit log of the service as well, and that both logs record the same; needs a token that permits readLog',
      ),
    )
    .addOption(
      new Option(
        '--audit-key <vkey>',
        'verifier key of the audit log, or a file (default: as the pinned service has it)',
      ).argParser(collect),
    )
    .action(environment.action((folder, flags) => verifyLogCommand(folder, flags, environment)))
}

function exportSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('export')
    .summary('save the log to a folder, for verifying offline')
    .description(
      'Save the log to a folder, in the layout of C2SP tlog-tiles. Doing it again adds what is new.',
    )
    .argument('<folder>', 'where to')
    .addOption(serverOption().makeOptionMandatory())
    .addOption(unlistedTokenOption())
    .action(environment.action((folder, flags) => exportLogCommand(folder, flags, environment)))
}

function witnessSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('witness')
    .summary('cosign checkpoints of logs of others')
    .description(
      'Run a witness (C2SP tlog-witness) until it is stopped (SIGTERM, Ctrl-C). It cosigns each checkpoint that continues the largest tree it saw of that log, and no other. Prints its verifier key first.',
    )
    .requiredOption(
      '--name <name>',
      'name of the witness in its cosignatures: witness.example.com/1',
    )
    .requiredOption('--key <key>', `EdDSA key that signs nothing else: ${SIGNING_KEY_REFERENCES}`)
    .addOption(passphraseFileOption())
    .addOption(
      new Option(
        '--log <vkey>',
        'verifier key of a log that it knows, or a file that holds it (repeatable)',
      )
        .argParser(collect)
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--state <folder>',
      'where it remembers the largest trees; never restore a copy',
    )
    .option('--listen <address>', 'address and port', '127.0.0.1:7380')
    .action(
      environment.action(async (flags) => {
        // Loaded late: it comes with a server and a database.
        const { witnessLog } = await import('../log/witness.ts')
        return witnessLog(flags, environment)
      }),
    )
}

function proofSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('proof')
    .summary('write, check or renew the proof that the log has a signature')
    .description(
      'Prove that the transparency log has the signature of a bundle. Writes a proof of its own (C2SP tlog-proof), with the signatures of all witnesses of the checkpoint, which verify --log-proof accepts for every kind of signature; or renews the proof inside the bundle. Nothing is written that does not verify.',
    )
    .argument('<file>', 'bundle file')
    .option('--proof <file>', 'where the proof is, or goes (default: FILE.tlog-proof)')
    .addOption(
      new Option('--check', 'verify a proof that is there; opens no connection').conflicts('renew'),
    )
    .addOption(new Option('--renew', 'put a new proof into the bundle file, in place of its own'))
    .option('--overwrite', 'replace a proof file that is there')
    .optionsGroup('Which log:')
    .addOption(serverOption('address of the service (default: the pinned service)'))
    .addOption(unlistedTokenOption())
    .option('--log <folder>', 'folder of an exported log, in place of a service')
    .optionsGroup('What to trust (default: the pinned service):')
    .option('--key <key>', `public key that signed: ${PUBLIC_KEY_FORMS}`, collect)
    .addOption(algorithmOption())
    .option('--trust <file>', 'key history, with states and windows of its versions')
    .option('--trust-key <key>', 'public key that signed the key history')
    .option('--trusted-root <file>', 'Sigstore trusted root that lists the log')
    .addOption(maxTrustAgeOption())
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .action(environment.action((file, flags) => proveBundle(file, flags, environment)))
}

/** Not asked for, unless the log is unlisted: whose log that is, is read by the callers who may. */
function unlistedTokenOption(): Option<'--token-file <file>'> {
  const option = tokenFileOption()
  option.description = `for a log that is not public: ${option.description}`
  return option
}
