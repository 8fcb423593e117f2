/** What `verify` trusts by default: the service that this user has pinned. */
import { CountersignError } from '../../src/errors.ts'
import type { CachedDocument, HeldDocument } from '../../src/client/cached-document.ts'
import type { Trust as PublishedTrust } from '../../src/client/trust-cache.ts'
import { assertPublicationCurrent } from '../../src/keys/publication-times.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { toTrustMaterial } from '../../src/verification/trusted-root.ts'
import type { Context } from '../context.ts'
import { type CommandTrust, countVersions } from './options.ts'
import { openTrust, readPin, type TrustPin } from './home.ts'

/** How fresh trust must be. */
export interface ServiceTrustDemand {
  /** Whether only the copy on this machine is used. */
  readonly isOffline: boolean
  /** Refuses what was signed longer ago. */
  readonly maxAgeSeconds?: number | undefined
}

/**
 * Reads the trust of the pinned service, refreshed where its time is over; undefined where none is
 * pinned.
 *
 * @throws {@link CountersignError} ERR_TRUST_STALE — offline, and there is no copy; ERR_TRUST_EXPIRED — its
 * time is over; and the errors of fetching and verifying what the service publishes
 */
export async function readServiceTrust(
  context: Context,
  demand: ServiceTrustDemand,
): Promise<CommandTrust | undefined> {
  const pin = await readPin(context)
  if (pin === undefined) return undefined
  const document = openTrust(pin, context)
  const held = demand.isOffline ? await document.held() : await readOnline(document)
  if (held === undefined) throw noCopy(pin)
  assertDemand(pin, held, demand, context)
  const trust = await toTrust(pin, held)
  if (demand.isOffline) return trust
  const newest = async (): Promise<CommandTrust | undefined> => {
    await document.newest()
    const now = await document.held()
    if (now === undefined || now.value.history.sequence === held.value.history.sequence) {
      return undefined
    }
    assertDemand(pin, now, demand, context)
    return toTrust(pin, now)
  }
  return { ...trust, newest }
}

async function readOnline(
  document: CachedDocument<PublishedTrust>,
): Promise<HeldDocument<PublishedTrust> | undefined> {
  await document.current()
  return document.held()
}

function assertDemand(
  { service }: TrustPin,
  { value }: HeldDocument<PublishedTrust>,
  { isOffline, maxAgeSeconds }: ServiceTrustDemand,
  context: Pick<Context, 'now'>,
): void {
  assertPublicationCurrent(value.history.times, {
    now: context.now(),
    source: isOffline ? 'offline' : 'online',
    maxAgeSeconds,
    place: `the key history of ${service.href}`,
  })
}

async function toTrust(
  { service }: TrustPin,
  { value, fetchedAt }: HeldDocument<PublishedTrust>,
): Promise<CommandTrust> {
  const { history } = value
  const signers = value.signers.map(({ kid }) => `kid ${kid}`).join(' or ')
  return {
    material: await toTrustMaterial(history),
    described: [
      `${countVersions(history.versions.length)} of ${service.href} (sequence ${history.sequence}, signed by ${signers}), as of ${toUtcSeconds(history.times?.issuedAt ?? fetchedAt)}`,
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
