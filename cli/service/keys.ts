/**
 * The artifact keys of a service, to check what it signed: by the trust key that this user has pinned;
 * where none is, as the service publishes them over its connection.
 *
 * @packageDocumentation
 */
import { hasVersion, publishedKeys, type ServiceKeys } from '../../src/client/service-keys.ts'
import type { Context } from '../context.ts'
import { isPinned, openTrust, readPin } from '../trust/home.ts'

/**
 * Opens the keys of a service; nothing is fetched yet.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_FILE_READ — a service is pinned,
 * and what was kept of it can't be read
 */
export async function openServiceKeys(service: URL, context: Context): Promise<ServiceKeys> {
  const pin = await readPin(context)
  if (pin === undefined || !isPinned(pin, service)) return publishedKeys(service, context)
  const document = openTrust(pin, context)
  return {
    isPinned: true,
    read: async (kid) => {
      const { history } = await document.current()
      return hasVersion(history, kid) ? history : (await document.newest()).history
    },
  }
}
