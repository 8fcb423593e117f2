/** Makes keys in a vault. */
import { resolveAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'
import type { ObjectReader } from '../../formats/json.ts'
import type { CreateOnceRequest } from '../key-lifecycle.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
import { toAzureKeyType } from './algorithms.ts'
import type { AzureVaultClient } from './client.ts'
import { pathOf, versionOf } from './key.ts'
import type { AzureKmsUri } from './uri.ts'

/** Tag that holds the mark a key was made under. */
const MARK_TAG = 'countersign-mark'

/**
 * Makes a key and answers the reference to its first version. Key Vault takes a request for a key that exists as one for
 * another version of it, so the name is looked up first; of two that make one at the same moment, each gets a version.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS — also a deleted key that can be recovered;
 * ERR_ALGORITHM_UNSUPPORTED, ERR_KEY_INVALID — no such keys are made; ERR_KEY_URI_INVALID — the reference names a version
 */
export async function createAzureKey(
  client: AzureVaultClient,
  uri: AzureKmsUri,
  request: CreateKeyRequest,
): Promise<AzureKmsUri> {
  const type = typeOf(client, uri, request)
  if ((await findBundle(client, uri, request.signal)) !== undefined) throw nameTaken(client, uri)
  return makeKey(client, uri, { type, signal: request.signal })
}

/**
 * As {@link createAzureKey}, and may be repeated: the mark is a tag of the key.
 *
 * @throws {@link CountersignError} as createAzureKey
 */
export async function createAzureKeyOnce(
  client: AzureVaultClient,
  uri: AzureKmsUri,
  request: CreateOnceRequest,
): Promise<AzureKmsUri> {
  const { mark, signal } = request
  const type = typeOf(client, uri, request)
  const existing = await findBundle(client, uri, signal)
  if (existing === undefined) return makeKey(client, uri, { type, mark, signal })
  if (existing.optionalObject('tags')?.optionalText(MARK_TAG) !== mark) throw nameTaken(client, uri)
  return pinnedBy(client, uri, existing)
}

function typeOf(
  client: AzureVaultClient,
  uri: AzureKmsUri,
  request: CreateKeyRequest,
): ReturnType<typeof toAzureKeyType> {
  const { version, protection = client.isManagedHsm ? 'hsm' : 'software' } = uri
  const algorithm = resolveAlgorithm(request.algorithm)
  const type = toAzureKeyType(algorithm, () => requestedRsaBits(request), protection === 'hsm')
  if (version === undefined) return type
  const message = 'a reference to a new key cannot name a version'
  const hint = 'leave the version out: Key Vault chooses it'
  throw new CountersignError('ERR_KEY_URI_INVALID', message, { hint })
}

interface NewKey {
  readonly type: ReturnType<typeof toAzureKeyType>
  readonly mark?: string
  readonly signal: AbortSignal | undefined
}

async function makeKey(
  client: AzureVaultClient,
  uri: AzureKmsUri,
  { type, mark, signal }: NewKey,
): Promise<AzureKmsUri> {
  const { key } = uri
  const tags = mark === undefined ? {} : { [MARK_TAG]: mark }
  const bundle = await client.call({
    method: 'POST',
    operation: 'createKey',
    key,
    path: `${pathOf({ key })}/create`,
    body: { ...type, key_ops: ['sign', 'verify'], attributes: { enabled: true }, tags },
    signal,
    // Repeated after a lost answer, it would make another version.
    isOnce: true,
  })
  return pinnedBy(client, uri, bundle)
}

function pinnedBy(client: AzureVaultClient, uri: AzureKmsUri, bundle: ObjectReader): AzureKmsUri {
  const { vault, key } = uri
  const version = versionOf(client, bundle.object('key').text('kid'), { key })
  return { scheme: 'azurekms', vault, key, version }
}

async function findBundle(
  client: AzureVaultClient,
  { key }: AzureKmsUri,
  signal: AbortSignal | undefined,
): Promise<ObjectReader | undefined> {
  const request = { method: 'GET', operation: 'getKey', key } as const
  try {
    return await client.call({ ...request, path: pathOf({ key }), signal })
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  }
}

function nameTaken({ vault }: AzureVaultClient, { key }: AzureKmsUri): CountersignError {
  const message = `the key "${key}" already exists in ${vault}`
  return new CountersignError('ERR_KEY_EXISTS', message, {
    hint: 'choose another name, or use the key that has it',
    details: { provider: 'azurekms', key },
  })
}
