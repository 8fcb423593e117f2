/** Takes versions out of use in Cloud KMS: disabled, scheduled for destruction, and back. */
import { CountersignError } from '../../errors.ts'
import type { ObjectReader } from '../../formats/json.ts'
import type { Destruction } from '../key-lifecycle.ts'
import type { GcpKmsClient } from './client.ts'
import { getGcpVersion, versionName } from './key.ts'
import type { GcpKmsUri } from './uri.ts'

const DESTROYED: readonly string[] = ['DESTROY_SCHEDULED', 'DESTROYED']

/**
 * Stops a version from signing.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version
 */
export async function disableGcpKey(client: GcpKmsClient, uri: GcpKmsUri): Promise<void> {
  const name = pinnedName(uri)
  const state = (await getGcpVersion(client, name)).text('state')
  if (state === 'DISABLED' || DESTROYED.includes(state)) return
  const path = `${name}?updateMask=state`
  const body = { state: 'DISABLED' }
  await client.call({ method: 'PATCH', operation: 'cryptoKeyVersions.patch', name, path, body })
}

/**
 * Schedules the destruction of a version, for when the key's own settings state; answers the time.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version
 */
export async function destroyGcpKey(client: GcpKmsClient, uri: GcpKmsUri): Promise<Destruction> {
  const name = pinnedName(uri)
  try {
    const found = await getGcpVersion(client, name)
    return destructionOf(
      DESTROYED.includes(found.text('state')) ? found : await change(client, name, 'destroy'),
    )
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return { effectiveAt: undefined }
    throw error
  }
}

/**
 * Takes a scheduled destruction back; Cloud KMS leaves the version disabled.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version; ERR_KEY_NOT_USABLE — it is
 * destroyed
 */
export async function restoreGcpKey(client: GcpKmsClient, uri: GcpKmsUri): Promise<void> {
  const name = pinnedName(uri)
  const state = (await getGcpVersion(client, name)).text('state')
  if (DESTROYED.includes(state)) await change(client, name, 'restore')
}

function change(
  client: GcpKmsClient,
  name: string,
  verb: 'destroy' | 'restore',
): Promise<ObjectReader> {
  const operation = `cryptoKeyVersions.${verb}`
  return client.call({ method: 'POST', operation, name, path: `${name}:${verb}`, body: {} })
}

function destructionOf(version: ObjectReader): Destruction {
  const isFinal = version.text('state') === 'DESTROYED'
  return { effectiveAt: isFinal ? undefined : version.time('destroyTime') }
}

function pinnedName(uri: GcpKmsUri): string {
  if (uri.version !== undefined) return versionName(uri, uri.version)
  throw new CountersignError(
    'ERR_KEY_URI_INVALID',
    `"${uri.key}" may come to mean another version`,
    {
      hint: 'name the version: …/cryptoKeyVersions/1',
    },
  )
}
