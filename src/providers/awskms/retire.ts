/** Takes KMS keys out of use: disabled, scheduled for deletion, and back. */
import { CountersignError } from '../../errors.ts'
import type { Destruction } from '../key-lifecycle.ts'
import type { KmsClient } from './client.ts'
import { isKeyArn } from './key.ts'
import type { KmsPlace } from './regions.ts'

/** KMS counts the days of a primary key once its replicas are gone. */
const WAITING_DAYS_MS = 7 * 86_400_000

/**
 * Stops KMS from signing with a key, in each of its regions. One that waits for its deletion signs no more either.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN
 */
export async function disableKmsKey(places: readonly KmsPlace[]): Promise<void> {
  assertPinned(places)
  for (const { client, keyId } of places) {
    const { state } = await client.describeKey(keyId)
    if (!isPendingDeletion(state) && state !== 'Disabled') await client.disableKey(keyId)
  }
}

/**
 * Schedules a key's deletion in each of its regions for the earliest day KMS allows, or answers the day it is
 * scheduled for already.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN, or has regions that are not
 * named
 */
export async function destroyKmsKey(places: readonly KmsPlace[]): Promise<Destruction> {
  assertPinned(places)
  const days: Date[] = []
  let waitsForReplicas = false
  // The primary is usually the first, and is deleted after its replicas.
  for (const place of places.toReversed()) {
    const found = await findKeyState(place)
    if (found === undefined) continue
    const day = isPendingDeletion(found.state)
      ? found.deletionDate
      : await place.client.scheduleKeyDeletion(place.keyId)
    if (day === undefined) waitsForReplicas = true
    else days.push(day)
  }
  const last = days.toSorted((a, b) => b.getTime() - a.getTime())[0]
  if (!waitsForReplicas) return { effectiveAt: last }
  if (last === undefined) throw otherReplicas(places)
  return { effectiveAt: new Date(last.getTime() + WAITING_DAYS_MS) }
}

/**
 * Takes a scheduled deletion back; KMS leaves the key disabled.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN;
 * ERR_KEY_NOT_FOUND — it does not exist
 */
export async function cancelKmsKeyDeletion(places: readonly KmsPlace[]): Promise<void> {
  assertPinned(places)
  for (const { client, keyId } of places) {
    const { state } = await client.describeKey(keyId)
    if (isPendingDeletion(state)) await client.cancelKeyDeletion(keyId)
  }
}

function isPendingDeletion(state: string): boolean {
  return state === 'PendingDeletion' || state === 'PendingReplicaDeletion'
}

async function findKeyState({
  client,
  keyId,
}: KmsPlace): Promise<Awaited<ReturnType<KmsClient['describeKey']>> | undefined> {
  try {
    return await client.describeKey(keyId)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  }
}

function otherReplicas([place]: readonly KmsPlace[]): CountersignError {
  return new CountersignError(
    'ERR_KEY_URI_INVALID',
    `the key ${place?.keyId ?? ''} has replicas in regions that its reference does not name`,
    { hint: 'name all its regions, or delete the replicas there first' },
  )
}

function assertPinned(places: readonly KmsPlace[]): void {
  const loose = places.find(({ keyId }) => !isKeyArn(keyId))
  if (loose === undefined) return
  const { keyId } = loose
  throw new CountersignError('ERR_KEY_URI_INVALID', `"${keyId}" may come to mean another key`, {
    hint: 'name the key by its ARN: an alias is never an identity',
  })
}
