/**
 * The artifact keys of a service, to check what it signed: by the trust key that this user has pinned;
 * where none is, as the service publishes them over its connection.
 *
 * @packageDocumentation
 */
import { createBoundedGet } from '../src/client/bounded-get.ts'
import { publicationUrl } from '../src/client/trust-cache.ts'
import { findTrustKey } from '../src/client/trust-pin.ts'
import { type KeyHistory, parseKeyHistory } from '../src/keys/key-history.ts'
import type { Context } from './context.ts'
import { isPinned, openTrust, readPin } from './trust-home.ts'

/** The keys that a service publishes. */
export interface ServiceKeys {
  /** Whether the trust key of this user's choice has signed them. */
  readonly isPinned: boolean
  /**
   * Reads them, once more where a `kid` is not among them.
   *
   * @throws {@link CountersignError} the errors of fetching and verifying what the service publishes
   */
  read(kid?: string): Promise<KeyHistory>
}

const MAX_PUBLICATION_BYTES = 8 * 1024 * 1024

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
      return has(history, kid) ? history : (await document.newest()).history
    },
  }
}

/** Keys on the word of whoever answers at the address. */
function publishedKeys(service: URL, { signal }: Context): ServiceKeys {
  // The user names the service: one inside of their network is as good as any.
  const get = createBoundedGet({ allowPrivateAddresses: true })
  const url = publicationUrl(service)
  let fetched: KeyHistory | undefined
  const fetchKeys = async (): Promise<KeyHistory> => {
    const { body } = await get({ url, maxBytes: MAX_PUBLICATION_BYTES, signal })
    return (fetched = parseKeyHistory(body, findTrustKey(body)))
  }
  return {
    isPinned: false,
    read: async (kid) => (fetched && has(fetched, kid) ? fetched : fetchKeys()),
  }
}

function has({ versions }: KeyHistory, kid: string | undefined): boolean {
  return kid === undefined || versions.some(({ key }) => key.kid === kid)
}
