/** How commands reach the keys of a service, and as whom. */
import {
  createKeyAdministration,
  type KeyAdministration,
} from '../../src/client/key-administration.ts'
import type { CommandEnvironment } from '../command.ts'
import { callerToken, parseServer, type ServiceFlags } from '../service/client.ts'

/** Options that say which service, and who asks. */
export interface KeyServerFlags extends ServiceFlags {
  readonly server: string
}

/**
 * Prepares to administer the keys of a service; nothing is sent yet.
 *
 * @throws {@link CountersignError} ERR_USAGE — not an address, or one that would send the token in the clear
 */
export function openKeyServer(
  flags: KeyServerFlags,
  environment: CommandEnvironment,
): KeyAdministration {
  const { fetch, signal } = environment.context
  return createKeyAdministration({
    url: parseServer(flags.server),
    token: callerToken(flags.server, flags, environment),
    runtime: { fetch, deadline: (ms) => AbortSignal.timeout(ms) },
    signal,
  })
}
