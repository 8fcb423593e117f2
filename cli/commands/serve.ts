/** `countersign serve`. */
import type { KeyUse } from '../../src/keys/key.ts'
import { once } from 'node:events'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { fingerprintOf } from '../../src/client/trust-pin.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { activeVersion } from '../../src/keys/lifecycle.ts'
import { type RunningServer, startServer } from '../../src/service/server.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, configOption, readCommandConfig } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'

interface ServeFlags extends ConfigFlags {
  readonly listen?: string | undefined
  readonly migrate?: true | undefined
  readonly newLog?: true | undefined
  readonly resetClock?: string | undefined
  readonly acceptStoreBehind?: string | undefined
  readonly acceptKeyRules?: string | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('serve')
    .description(
      'Run the signing and verification service until it is told to stop (SIGTERM, Ctrl-C). It answers once every key can sign; its log is JSON lines on stderr. SIGHUP reads renewed certificates, TLS keys and credentials, not the configuration.',
    )
    .addOption(configOption())
    .option('--listen <address>', 'address and port, in place of serve.listen')
    .option('--migrate', 'bring the schema of a PostgreSQL store up to date first')
    .option('--new-log', 'start a new log under log.origin after entries were lost')
    .option(
      '--reset-clock <reason>',
      "go on by this machine's clock, where the log has an entry of the future; logs the reason",
    )
    .option(
      '--accept-store-behind <reason>',
      'go on with a database that was restored from an older backup; logs the reason',
    )
    .option(
      '--accept-key-rules <reason>',
      'have the rules of the configured keys count for all replicas from now on; logs the reason',
    )
    .action(environment.action((flags) => serve(flags, environment)))
}

async function serve(flags: ServeFlags, environment: CommandEnvironment): Promise<Outcome> {
  const { context, terminal } = environment
  const { env, fetch, signal, stderr } = context
  const listen = { flag: '--listen', value: flags.listen }
  const config = await readCommandConfig(environment, flags, { 'serve.listen': listen })
  let renew = (): void => undefined
  // From the start on, when there is nothing to renew yet, it must not end the process.
  context.onHangUp?.(() => {
    renew()
  })
  const server = await startServer({
    config,
    env,
    fetch,
    signal,
    migrate: flags.migrate,
    newLog: flags.newLog,
    resetClock: flags.resetClock,
    acceptStoreBehind: flags.acceptStoreBehind,
    acceptKeyRules: flags.acceptKeyRules,
    output: stderr,
  })
  for (const line of describeServer(server)) terminal.say(line)
  for (const warning of server.warnings) {
    terminal.say(`${terminal.style('bad', 'warning:')} ${warning}`)
  }
  renew = () => void server.renew()
  context.endsByItself?.()
  if (!signal.aborted) await once(signal, 'abort')
  terminal.say('stopping: what runs is finished first')
  await server[Symbol.asyncDispose]()
  const { address, issuer } = server
  return {
    exitCode: 0,
    document: { schema: schema('serve'), ok: true, exitCode: 0, address, issuer },
  }
}

function describeServer(server: RunningServer): readonly string[] {
  const { address, issuer, keys, logNames, metricsAddress, versions } = server
  const rows = keys.map(({ name, use, algorithm }) => {
    const active = activeVersion(versions.filter(({ key }) => key === name))
    if (active === undefined) return `  ${name}  ${use}  ${algorithm}  no active version`
    // What its clients compare: countersign trust init URL --fingerprint …
    const pin = use === 'trust' ? `  ${fingerprintOf(active.publicKey)}` : ''
    // What its readers name: countersign log verify --key …
    const origins: Partial<Record<KeyUse, string>> = {
      log: logNames.transparency,
      audit: logNames.audit,
    }
    const origin = origins[use]
    const vkey = origin === undefined ? '' : `  ${logVerifierKey(origin, active.publicKey).vkey}`
    return `  ${name}  ${use}  ${algorithm}  version ${active.version} active${pin}${vkey}`
  })
  const metrics = metricsAddress === undefined ? [] : [`metrics on ${metricsAddress}/metrics`]
  return [`listening on ${address}`, ...metrics, `issuer ${issuer}`, 'keys:', ...rows]
}
