/** Takes transit keys out of use. Transit disables and destroys whole keys, never one version of several. */
import { CountersignError } from '../../errors.ts'
import type { PinnedKeyPair } from '../key-lifecycle.ts'
import type { BaoClient } from './client.ts'
import { baoCommand } from './causes/cause.ts'
import { readTransitVersion } from './key.ts'
import type { OpenBaoUri } from './uri.ts'

/**
 * Stops a key from signing, by OpenBao's soft deletion, which an administrator can undo.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key has other versions, or the server is one
 * without soft deletion (Vault); ERR_PROVIDER_FAULT — another key has the name
 */
export async function disableTransitKey(
  client: BaoClient,
  uri: OpenBaoUri,
  { publicKey }: PinnedKeyPair,
): Promise<void> {
  await assertSole(client, uri, publicKey)
  const path = `${keyPath(client, uri)}/soft-delete`
  try {
    await client.call({ method: 'DELETE', path, key: uri.key })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_URI_INVALID')) throw error
    throw new CountersignError('ERR_OPERATION_UNSUPPORTED', 'the server has no soft deletion', {
      hint: 'OpenBao has it, Vault does not; take the path of the key out of the policies instead',
      cause: error,
    })
  }
}

/**
 * Destroys a key at once; one that is gone stays so.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key has other versions; ERR_PROVIDER_FAULT —
 * another key has the name
 */
export async function destroyTransitKey(
  client: BaoClient,
  uri: OpenBaoUri,
  { publicKey }: PinnedKeyPair,
): Promise<void> {
  const path = keyPath(client, uri)
  const { key } = uri
  try {
    await assertSole(client, uri, publicKey)
    const body = { deletion_allowed: true }
    await client.call({ method: 'POST', path: `${path}/config`, key, body })
    await client.call({ method: 'DELETE', path, key })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) throw error
  }
}

function keyPath({ server }: BaoClient, { key }: OpenBaoUri): string {
  return `${server.mount}/keys/${key}`
}

async function assertSole(
  client: BaoClient,
  uri: OpenBaoUri,
  expected: PinnedKeyPair['publicKey'],
): Promise<void> {
  const found = await readTransitVersion(client, uri, { algorithm: expected.algorithm.name })
  if (found.publicKey.kid !== expected.kid) {
    throw new CountersignError('ERR_PROVIDER_FAULT', `another key is now called "${uri.key}"`, {
      hint: 'nothing was changed; look for what replaced the key',
      details: { expected: expected.kid, found: found.publicKey.kid },
    })
  }
  const { latestVersion } = found.key
  if (latestVersion === 1) return
  const trim = `write ${keyPath(client, uri)}/config min_encryption_version=${found.version + 1}`
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    `"${uri.key}" has ${latestVersion} versions, which are disabled and destroyed together only`,
    {
      hint: `stop this version and those before it: ${baoCommand(trim, client.server)}; trim removes them`,
    },
  )
}
