/** Makes transit keys. */
import { resolveAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'
import type { CreateOnceRequest } from '../key-lifecycle.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
import { toKeyType } from './algorithms.ts'
import type { TransitKey } from './answers.ts'
import type { BaoClient } from './client.ts'
import { fetchTransitKey } from './key.ts'
import type { OpenBaoUri } from './uri.ts'

/**
 * Makes a key and answers the reference to its first version. Transit takes a request for a key that exists as a
 * success, so two that make one of the same name at the same moment may both get it.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS; ERR_ALGORITHM_UNSUPPORTED, ERR_KEY_INVALID — no such keys are
 * made; ERR_KEY_URI_INVALID — the reference names a version
 */
export async function createTransitKey(
  client: BaoClient,
  uri: OpenBaoUri,
  request: CreateKeyRequest,
): Promise<OpenBaoUri> {
  const type = typeOf(uri, request)
  const existing = await findKey(client, uri.key, request.signal)
  if (existing !== undefined) throw nameTaken(client, uri)
  return makeKey(client, uri, { type, signal: request.signal })
}

/**
 * As {@link createTransitKey}, and may be repeated: a key whose name contains the mark was made under it, since the
 * mark is random.
 *
 * @throws {@link CountersignError} as createTransitKey
 */
export async function createTransitKeyOnce(
  client: BaoClient,
  uri: OpenBaoUri,
  request: CreateOnceRequest,
): Promise<OpenBaoUri> {
  const type = typeOf(uri, request)
  const existing = await findKey(client, uri.key, request.signal)
  if (existing === undefined) return makeKey(client, uri, { type, signal: request.signal })
  const isOwn = request.isRepeated && uri.key.includes(request.mark)
  if (!isOwn || !isFirstOf(existing, type)) throw nameTaken(client, uri)
  return { ...uri, version: 1 }
}

function typeOf(uri: OpenBaoUri, request: CreateKeyRequest): string {
  const algorithm = resolveAlgorithm(request.algorithm)
  const type = toKeyType(algorithm, () => requestedRsaBits(request))
  if (uri.version === undefined) return type
  const message = 'a reference to a new key cannot name a version'
  const hint = 'leave ?version= out: a new key begins with version 1'
  throw new CountersignError('ERR_KEY_URI_INVALID', message, { hint })
}

async function makeKey(
  client: BaoClient,
  uri: OpenBaoUri,
  { type, signal }: { readonly type: string; readonly signal: AbortSignal | undefined },
): Promise<OpenBaoUri> {
  const path = `${client.server.mount}/keys/${uri.key}`
  await client.call({ method: 'POST', path, key: uri.key, body: { type }, signal })
  if (!isFirstOf(await fetchTransitKey(client, uri.key, signal), type)) throw nameTaken(client, uri)
  return { ...uri, version: 1 }
}

function isFirstOf({ type, latestVersion }: TransitKey, expected: string): boolean {
  return type === expected && latestVersion === 1
}

async function findKey(
  client: BaoClient,
  name: string,
  signal: AbortSignal | undefined,
): Promise<TransitKey | undefined> {
  try {
    return await fetchTransitKey(client, name, signal)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  }
}

function nameTaken({ server }: BaoClient, { key }: OpenBaoUri): CountersignError {
  const message = `the key "${key}" already exists in ${server.mount}/`
  return new CountersignError('ERR_KEY_EXISTS', message, {
    hint: 'choose another name, or use the key that has it',
    details: { provider: 'openbao', key },
  })
}
