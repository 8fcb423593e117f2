/** Takes KMS keys out of use: disabled, scheduled for deletion, and back. */
import { CountersignError } from '../../errors.ts'
import type { Destruction } from '../key-lifecycle.ts'
import type { KmsClient } from './client.ts'
import { isKeyArn } from './key.ts'

/**
 * Stops KMS from signing with a key. One that waits for its deletion signs no more either.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN
 */
export async function disableKmsKey(client: KmsClient, keyId: string): Promise<void> {
  assertPinned(keyId)
  const { state } = await client.describeKey(keyId)
  if (state === 'PendingDeletion' || state === 'Disabled') return
  await client.disableKey(keyId)
}

/**
 * Schedules a key's deletion for the earliest day KMS allows, or answers the day it is scheduled for
 * already.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN
 */
export async function destroyKmsKey(client: KmsClient, keyId: string): Promise<Destruction> {
  assertPinned(keyId)
  const found = await findKeyState(client, keyId)
  if (found === undefined) return { effectiveAt: undefined }
  if (found.state === 'PendingDeletion') return { effectiveAt: found.deletionDate }
  return { effectiveAt: await client.scheduleKeyDeletion(keyId) }
}

/**
 * Takes a scheduled deletion back; KMS leaves the key disabled.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the key is not named by its ARN;
 * ERR_KEY_NOT_FOUND — it does not exist
 */
export async function cancelKmsKeyDeletion(client: KmsClient, keyId: string): Promise<void> {
  assertPinned(keyId)
  const { state } = await client.describeKey(keyId)
  if (state === 'PendingDeletion') await client.cancelKeyDeletion(keyId)
}

async function findKeyState(
  client: KmsClient,
  keyId: string,
): Promise<Awaited<ReturnType<KmsClient['describeKey']>> | undefined> {
  try {
    return await client.describeKey(keyId)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  }
}

function assertPinned(keyId: string): void {
  if (isKeyArn(keyId)) return
  throw new CountersignError('ERR_KEY_URI_INVALID', `"${keyId}" may come to mean another key`, {
    hint: 'name the key by its ARN: an alias is never an identity',
  })
}
