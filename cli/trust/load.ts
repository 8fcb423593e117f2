/** What a command verifies by. */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import type { Config } from '../../src/config/config.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'
import type { CommandKeys } from '../keys/open.ts'
import type { StatedUse } from '../keys/stated-use.ts'
import {
  namesSigner,
  readTrust,
  type CommandTrust,
  type TrustFlags,
  withConfiguredTrust,
} from './options.ts'

/** The pinned service, if no trust is given: its keys and its authorities, nothing else. */
async function readPinned(
  flags: TrustFlags,
  { context }: CommandEnvironment,
): Promise<CommandTrust | undefined> {
  if (namesSigner(flags) || flags.trustedRoot !== undefined) return undefined
  // Loaded late: verifying with a given key needs no service client.
  const { readServiceTrust } = await import('./pinned-service.ts')
  return readServiceTrust(context, {
    isOffline: flags.offline === true,
    maxAgeSeconds: flags.maxTrustAge,
  })
}

/**
 * Reads what a command verifies by: what its options name, the configuration where they name nothing, and else the
 * pinned service.
 *
 * @throws {@link CountersignError} as {@link readTrust} and the reading of what the pinned service publishes
 */
export async function loadTrust(
  flags: TrustFlags & ConfigFlags,
  keys: CommandKeys,
  environment: CommandEnvironment,
): Promise<CommandTrust> {
  const readConfig = (): Promise<Config> => readCommandConfig(environment, flags)
  const asked = await withConfiguredTrust(flags, readConfig)
  const pinned = await readPinned(asked, environment)
  const { now } = environment.context
  if (pinned !== undefined) return pinned
  return readTrust(asked, keys, {
    now: now(),
    readUse: () => readUses(environment),
    readPublicRoot: () => readPublicRoot(flags, environment),
  })
}

/** Loaded late too: it is asked only where a key is named. */
async function readUses({ context }: CommandEnvironment): Promise<StatedUse> {
  const { readStatedUse } = await import('../keys/stated-use.ts')
  return readStatedUse(context)
}

/** Loaded late as well: it is asked only where an identity is named without authorities. */
async function readPublicRoot(
  { offline }: TrustFlags,
  { context }: CommandEnvironment,
): Promise<TrustedRoot> {
  const { readInstanceCopy, readInstanceRoot } = await import('./sigstore-instance.ts')
  return offline === true ? readInstanceCopy(context) : readInstanceRoot({}, context)
}
