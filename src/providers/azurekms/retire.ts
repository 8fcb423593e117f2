/** Takes versions out of use in a vault: single versions are disabled, whole keys deleted and recovered. */
import { CountersignError } from '../../errors.ts'
import type { ObjectReader } from '../../formats/json.ts'
import type { Destruction } from '../key-lifecycle.ts'
import type { AzureVaultClient } from './client.ts'
import { findDeleted, pathOf, versionOf } from './key.ts'
import type { AzureKmsUri } from './uri.ts'

/**
 * Stops a version from signing.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version
 */
export async function disableAzureKey(client: AzureVaultClient, uri: AzureKmsUri): Promise<void> {
  const { key, version } = pinned(uri)
  await client.call({
    method: 'PATCH',
    operation: 'updateKey',
    key,
    version,
    path: pathOf({ key, version }),
    body: { attributes: { enabled: false } },
  })
}

/**
 * Deletes a key, which is purged when the vault's own settings state; answers the time. It is disabled first, so that a
 * recovered key signs no more.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version; ERR_OPERATION_UNSUPPORTED — the
 * key has other versions
 */
export async function destroyAzureKey(
  client: AzureVaultClient,
  uri: AzureKmsUri,
): Promise<Destruction> {
  const { key } = pinned(uri)
  try {
    await assertSole(client, uri)
    await disableAzureKey(client, uri)
    const request = { method: 'DELETE', operation: 'deleteKey', key } as const
    return destructionOf(await client.call({ ...request, path: pathOf({ key }) }))
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) throw error
    return destructionOf(await findDeleted(client, key))
  }
}

/**
 * Recovers a deleted key, which stays disabled.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference names no version; ERR_KEY_NOT_FOUND — it is purged
 */
export async function recoverAzureKey(client: AzureVaultClient, uri: AzureKmsUri): Promise<void> {
  const { key } = pinned(uri)
  const request = { operation: 'recoverDeletedKey', key } as const
  try {
    await client.call({ ...request, method: 'POST', path: `deletedkeys/${key}/recover`, body: {} })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) throw error
    // One that was recovered already is not among the deleted ones.
    await client.call({ ...request, method: 'GET', path: pathOf(uri) })
  }
}

function destructionOf(deleted: ObjectReader | undefined): Destruction {
  const seconds = deleted?.value('scheduledPurgeDate')
  return { effectiveAt: typeof seconds === 'number' ? new Date(seconds * 1000) : undefined }
}

/** A deletion takes all versions along. */
async function assertSole(client: AzureVaultClient, uri: AzureKmsUri): Promise<void> {
  const { key } = uri
  const request = { method: 'GET', operation: 'getKeyVersions', key } as const
  const answer = await client.call({ ...request, path: `${pathOf({ key })}/versions?maxresults=2` })
  const versions = answer.objects('value', 'optional')
  if (versions.length === 0) throw gone(key)
  if (versions.length === 1 && answer.value('nextLink') === undefined) {
    versionOf(client, versions[0]?.text('kid') ?? '', uri)
    return
  }
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    `"${key}" has other versions, and Key Vault deletes all versions of a key together`,
    { hint: 'disable the version instead, or delete the key with all its versions by hand' },
  )
}

function gone(key: string): CountersignError {
  return new CountersignError('ERR_KEY_NOT_FOUND', `"${key}" has no versions`)
}

function pinned(uri: AzureKmsUri): { readonly key: string; readonly version: string } {
  const { key, version } = uri
  if (version !== undefined) return { key, version }
  const message = `"${key}" may come to mean another version`
  throw new CountersignError('ERR_KEY_URI_INVALID', message, {
    hint: 'name the version: azurekms://…/KEY/VERSION',
  })
}
