/** `countersign log witness`: cosigns checkpoints of the logs it is given, until it is stopped. */
import { once } from 'node:events'
import { FORMS, isKeyName } from '../../src/config/forms.ts'
import { toServeSettings } from '../../src/config/service-settings.ts'
import { CountersignError } from '../../src/errors.ts'
import { Witness } from '../../src/log/witness.ts'
import { canCheckAccess } from '../../src/providers/key-lifecycle.ts'
import { startWitness } from '../../src/service/logs/witness-server.ts'
import { openWitnessState } from '../../src/store/witness-state.ts'
import type { CommandEnvironment } from '../command.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from '../keys/open.ts'
import { readLogKey } from './source.ts'
import { schema } from '../render/json.ts'
import type { SecretFlags } from '../terminal/secrets.ts'

/** Options of the command. */
export interface WitnessLogFlags extends SecretFlags, ConfigFlags {
  readonly name: string
  readonly key: string
  readonly log: readonly string[]
  readonly state: string
  readonly listen: string
}

/**
 * Runs a witness until the command is stopped.
 *
 * @throws {@link CountersignError} ERR_USAGE, ERR_NOTE_INVALID, ERR_ALGORITHM_UNSUPPORTED — a key or a name that
 * cannot be used; ERR_STORE_UNAVAILABLE, ERR_FILE_WRITE — the state; ERR_NETWORK — the address is taken
 */
export async function witnessLog(
  flags: WitnessLogFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  const { now, signal } = context
  const { host, port } = parseListen(flags.listen)
  if (isKeyName(flags.key)) throw namedKey(flags.key)
  const logs = await Promise.all(flags.log.map(readLogKey))
  await using keys = openKeys(environment, flags)
  const { uri } = await keys.find(flags.key)
  const provider = await keys.provider(uri)
  if (canCheckAccess(provider)) await provider.assertPrivate(uri)
  const signer = await keys.open(flags.key, { algorithm: 'EdDSA' })
  using state = await openWitnessState(flags.state)
  const witness = new Witness({ name: flags.name, signer, logs, state, now })
  await using server = await startWitness({
    witness,
    host,
    port,
    onError: ({ code, message }) => {
      terminal.talk(`${code}: ${message}\n`)
    },
  })
  const { address } = server
  const { vkey } = witness.key
  terminal.say(`witness ${vkey}`)
  terminal.say(`listening on ${address}, for ${witness.origins.join(', ')}`)
  context.endsByItself?.()
  if (!signal.aborted) await once(signal, 'abort')
  terminal.say('stopping: what runs is finished first')
  const document = { schema: schema('log-witness'), ok: true, exitCode: 0, address, vkey }
  return { exitCode: 0, document }
}

function parseListen(text: string): { readonly host: string; readonly port: number } {
  const complaint = FORMS.listen.check(text, {})
  if (complaint !== undefined) {
    throw new CountersignError('ERR_USAGE', `--listen: ${complaint.message}`)
  }
  const { host, port } = toServeSettings({ listen: text })
  return { host, port }
}

function namedKey(name: string): CountersignError {
  return new CountersignError('ERR_USAGE', `"${name}" is a key of countersign.yaml`, {
    hint: 'a witness needs a key pair that signs nothing else: countersign key create --algorithm EdDSA file:witness.pem',
  })
}
