/** What `verify` trusts where nobody is named: the service that this user has pinned. */
import { CountersignError } from '../src/errors.ts'
import type { HeldDocument } from '../src/client/cached-document.ts'
import type { Trust as PublishedTrust } from '../src/client/trust-cache.ts'
import { toTrustMaterial } from '../src/verification/trusted-root.ts'
import type { Context } from './context.ts'
import type { Trust } from './trust.ts'
import { openTrust, readPin, type TrustPin } from './trust-home.ts'

/**
 * Reads the trust of the pinned service, refreshed where its time is over; undefined where none is
 * pinned.
 *
 * @throws {@link CountersignError} ERR_TRUST_STALE — offline, and there is no copy; and the errors of
 * fetching and verifying what the service publishes
 */
export async function readServiceTrust(
  context: Context,
  isOffline: boolean,
): Promise<Trust | undefined> {
  const pin = await readPin(context)
  if (pin === undefined) return undefined
  const document = openTrust(pin, context)
  if (!isOffline) await document.current()
  const held = await document.held()
  if (held === undefined) throw noCopy(pin)
  const trust = await toTrust(pin, held)
  if (isOffline) return trust
  const newest = async (): Promise<Trust | undefined> => {
    await document.newest()
    const now = await document.held()
    if (now === undefined || now.value.history.sequence === held.value.history.sequence) {
      return undefined
    }
    return toTrust(pin, now)
  }
  return { ...trust, newest }
}

async function toTrust(
  { service }: TrustPin,
  { value, fetchedAt }: HeldDocument<PublishedTrust>,
): Promise<Trust> {
  const { history } = value
  const signers = value.signers.map(({ kid }) => kid).join(' or ')
  return {
    material: await toTrustMaterial(history),
    described: [
      `${history.versions.length} key versions of ${service.href} (sequence ${history.sequence}, signed by kid ${signers}), as of ${fetchedAt.toISOString()}`,
      ...(history.trustedRoot === undefined ? [] : [`authorities and logs of ${service.href}`]),
    ],
  }
}

function noCopy({ service }: TrustPin): CountersignError {
  return new CountersignError(
    'ERR_TRUST_STALE',
    `--offline, and there is no copy of what ${service.href} publishes`,
    { hint: 'fetch one while connected: countersign trust update' },
  )
}
