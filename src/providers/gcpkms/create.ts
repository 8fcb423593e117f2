/** Makes keys in Cloud KMS. */
import { resolveAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'
import type { CreateOnceRequest } from '../key-lifecycle.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
import { toGcpAlgorithm } from './algorithms.ts'
import type { GcpKmsClient } from './client.ts'
import { getGcpVersion, versionName } from './key.ts'
import { type GcpKmsUri, keyName } from './uri.ts'

/** Label that holds the mark a key was made under. */
const MARK_LABEL = 'countersign-mark'
/** Waits for a version that is being generated, in ms; RSA in an HSM takes longest. */
const GENERATION_DELAYS: readonly number[] = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]

/**
 * Makes a key and answers the reference to its first version.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS; ERR_ALGORITHM_UNSUPPORTED, ERR_KEY_INVALID — no such keys are
 * made; ERR_KEY_URI_INVALID — the reference names a version; ERR_PROVIDER_UNAVAILABLE — it is still being generated
 */
export async function createGcpKey(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  request: CreateKeyRequest,
): Promise<GcpKmsUri> {
  await requestKey(client, uri, request)
  return firstVersion(client, uri, request.signal)
}

/**
 * As {@link createGcpKey}, and may be repeated: the mark is a label of the key.
 *
 * @throws {@link CountersignError} as createGcpKey
 */
export async function createGcpKeyOnce(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  request: CreateOnceRequest,
): Promise<GcpKmsUri> {
  const { mark, signal } = request
  try {
    await requestKey(client, uri, request, { [MARK_LABEL]: mark })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_EXISTS')) throw error
    const name = keyName(uri)
    const found = await client.call({
      method: 'GET',
      operation: 'cryptoKeys.get',
      name,
      path: name,
      signal,
    })
    if (found.optionalObject('labels')?.optionalText(MARK_LABEL) !== mark) throw error
  }
  return firstVersion(client, uri, signal)
}

async function requestKey(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  request: CreateKeyRequest,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { rsaBits, signal } = request
  const bits = rsaBits === undefined ? undefined : requestedRsaBits(request)
  const algorithm = toGcpAlgorithm(resolveAlgorithm(request.algorithm), bits)
  if (uri.version !== undefined) throw namesVersion()
  const { ring, key, protection = 'software' } = uri
  const path = `${ring}/cryptoKeys?cryptoKeyId=${key}`
  const versionTemplate = { algorithm, protectionLevel: protection.toUpperCase() }
  const body = { purpose: 'ASYMMETRIC_SIGN', versionTemplate, labels }
  // Repeated after a lost answer, it would fail over the key that it made.
  const isOnce = true
  const name = keyName(uri)
  await client.call({
    method: 'POST',
    operation: 'cryptoKeys.create',
    name,
    path,
    body,
    signal,
    isOnce,
  })
}

async function firstVersion(
  client: GcpKmsClient,
  { ring, key }: GcpKmsUri,
  signal: AbortSignal | undefined,
): Promise<GcpKmsUri> {
  const name = versionName({ ring, key }, 1)
  for (const delay of GENERATION_DELAYS) {
    const state = (await getGcpVersion(client, name, signal)).text('state')
    if (state !== 'PENDING_GENERATION') return { scheme: 'gcpkms', ring, key, version: 1 }
    await client.runtime.pause(delay, signal)
  }
  throw new CountersignError('ERR_PROVIDER_UNAVAILABLE', `${name} is still being generated`, {
    hint: 'try again in a minute',
  })
}

function namesVersion(): CountersignError {
  const message = 'a reference to a new key cannot name a version'
  const hint = 'leave the version out: a new key begins with version 1'
  return new CountersignError('ERR_KEY_URI_INVALID', message, { hint })
}
