/** `countersign doctor`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { checkClock, UNKNOWN_CLOCK } from '../doctor/clock.ts'
import type { Finding } from '../doctor/finding.ts'
import { checkKey } from '../doctor/key.ts'
import { checkConfiguration, checkNode } from '../doctor/machine.ts'
import { checkRegistry, parseRegistry } from '../doctor/registry.ts'
import { toOutcome } from '../doctor/report.ts'
import { openKeys } from '../keys/open.ts'
import {
  algorithmOption,
  caOption,
  passphraseFileOption,
  plainHttpOption,
} from '../options/shared.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import { createStores, type StoreFlags } from '../artifacts/stores.ts'

interface DoctorFlags extends SecretFlags, ConfigFlags, StoreFlags {
  readonly algorithm?: AlgorithmName | undefined
  readonly registry?: string | undefined
  readonly clockUrl?: string | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('doctor')
    .description(
      'Find out what keeps a key from signing, a registry from taking it, or the clock from being believed. Nothing is signed that counts, and nothing is left behind.',
    )
    .argument('[key]', 'name or reference of a key')
    .addOption(algorithmOption())
    .addOption(passphraseFileOption())
    .option('--registry <repository>', 'repository that is pushed to: oci://registry/repository')
    .addOption(caOption())
    .addOption(plainHttpOption())
    .option('--clock-url <url>', 'server to compare the clock with (default: the registry)')
    .addOption(configOption())
    .action(environment.action((reference, flags) => examine(reference, flags, environment)))
}

async function examine(
  reference: string | undefined,
  flags: DoctorFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const clockUrl = flags.clockUrl === undefined ? undefined : parseClockUrl(flags.clockUrl)
  const registry = flags.registry === undefined ? undefined : parseRegistry(flags.registry)
  const { context, terminal } = environment
  const { signal } = context
  await using keys = openKeys(environment, flags)
  const stores = createStores(environment, flags)
  const findings = [await checkNode(process.version), await checkConfiguration(environment, flags)]
  if (reference !== undefined) {
    terminal.progress('looking at the key')
    findings.push(...(await checkKey(reference, keys, { algorithm: flags.algorithm, signal })))
  }
  if (registry !== undefined) {
    terminal.progress(`looking at ${registry.registry}`)
    findings.push(...(await checkRegistry(registry, () => stores.client(), signal)))
  }
  const server = clockUrl ?? (registry && (await stores.client()).origin(registry.registry))
  const clock = server === undefined ? UNKNOWN_CLOCK : await checkClock(server, context)
  // The provider may have checked the clock already.
  const isKnown = clock.status !== 'unknown' || !findings.some(isClock)
  return toOutcome(isKnown ? [...findings, clock] : findings, environment)
}

function isClock({ check }: Finding): boolean {
  return check === 'clock'
}

function parseClockUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new CountersignError('ERR_USAGE', `--clock-url: "${text}" is no http(s) address`)
}
