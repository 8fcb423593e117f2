/** Time stamps of authorities elsewhere, each verified before it is released. */
import type { Config, KeySettings } from '../../config/config.ts'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import { createTimestampClient, type TimestampClient } from '../../timestamp/client.ts'
import { parseTrustedRoot } from '../../verification/trusted-root.ts'
import type { AssemblyOptions } from '../assembly.ts'
import { remoteStamper } from './stamper.ts'
import { isRemote } from './warnings.ts'

const MAX_ROOT_BYTES = 4 * 1024 * 1024

/** What remote authorities are reached with and judged by. */
export interface RemoteStamperOptions {
  readonly config: Pick<Config, 'keys' | 'trust'>
  readonly fetch: typeof fetch
}

/**
 * Makes stampers of remote time-stamp authorities.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — `trust.trustedRoot` has no authority; ERR_FILE_READ
 */
export async function remoteStampers({
  config,
  fetch,
}: RemoteStamperOptions): Promise<AssemblyOptions['remoteStamper']> {
  const { trustedRoot: path } = config.trust
  const bytes = path === undefined ? undefined : await readFileBounded(path, MAX_ROOT_BYTES)
  const trustedRoot = bytes && (await parseTrustedRoot(bytes))
  const remote = Object.entries(config.keys).find(([, key]) => isRemote(key.timestamps))
  const hasNone = trustedRoot?.timestampAuthorities.length === 0
  if (remote !== undefined && hasNone) throw noAuthority(remote)
  return (address, now) =>
    remoteStamper({ address, client: timestampClient(address, fetch), trustedRoot, now })
}

function noAuthority([name, { timestamps }]: readonly [string, KeySettings]): CountersignError {
  const message = `keys.${name} has its time stamps from ${timestamps}, and trust.trustedRoot has no authority`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: 'set trust.trustedRoot to a file with the certificate chain of the authority: time stamps are verified before they are released',
  })
}

function timestampClient(address: string, fetch: typeof globalThis.fetch): TimestampClient {
  const deadline = (milliseconds: number): AbortSignal => AbortSignal.timeout(milliseconds)
  return createTimestampClient({ url: new URL(address), runtime: { fetch, deadline } })
}
