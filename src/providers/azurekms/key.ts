/** One version of a key in a vault, pinned by its identifier and public half, and the Signer over it. */
import { decodeBase64Url, encodeBase64Url } from '../../crypto/base64.ts'
import { type Algorithm, isRsaAlgorithm } from '../../crypto/algorithms.ts'
import { parsePublicKeyJwk, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import type { JsonValue, ObjectReader } from '../../formats/json.ts'
import { createSigner, type Signer, type SignOptions } from '../../signing/signer.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { toAzureAlgorithm, toJwkType } from './algorithms.ts'
import type { AzureCall } from './causes/commands.ts'
import type { AzureVaultClient } from './client.ts'
import { foundAzureError, malformedAzureAnswer } from './errors.ts'
import type { AzureKmsUri } from './uri.ts'

/** A version of a key, and what Key Vault states of it. */
export interface AzureVersion {
  readonly key: string
  readonly version: string
  readonly publicKey: PublicKeyInfo
  /** `EC`, `RSA-HSM`… */
  readonly type: string
  readonly bundle: ObjectReader
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'x', 'y'],
  RSA: ['n', 'e'],
}

/** Path of a key or a version in the API. */
export function pathOf({ key, version }: Pick<AzureKmsUri, 'key' | 'version'>): string {
  return `keys/${key}${version === undefined ? '' : `/${version}`}`
}

/**
 * Reads the version that a reference means; without one, the current one, whether it is enabled or not.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND; ERR_KEY_NOT_USABLE — deleted, and not purged yet;
 * ERR_KEY_INVALID — not for signing, or of another algorithm; ERR_PROVIDER_FAULT — another key
 */
export async function readAzureVersion(
  client: AzureVaultClient,
  uri: Pick<AzureKmsUri, 'key' | 'version'>,
  { algorithm, signal }: OpenKeyOptions = {},
): Promise<AzureVersion> {
  const bundle = await getBundle(client, uri, signal)
  const jwk = bundle.object('key')
  const { key } = uri
  const version = versionOf(client, jwk.text('kid'), uri)
  const type = jwk.text('kty')
  const kty = toJwkType(type)
  const members = Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined
  if (members === undefined) throw notForSigning(key, type)
  const numbers = Object.fromEntries(members.map((name) => [name, jwk.text(name)]))
  const publicKey = parsePublicKeyJwk({ kty, ...numbers }, algorithm)
  toAzureAlgorithm(publicKey.algorithm)
  return { key, version, publicKey, type, bundle }
}

/**
 * Makes sure that a version signs now, as its attributes state.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_USABLE
 */
export function assertAzureVersionSigns(client: AzureVaultClient, found: AzureVersion): void {
  const { key, version, bundle } = found
  const call = { operation: 'getKey', vault: client.vault, key, version }
  const attributes = bundle.object('attributes')
  if (attributes.value('enabled') === false) throw foundAzureError('key-disabled', call)
  const seconds = client.runtime.now() / 1000
  const [nbf, exp] = [attributes.value('nbf'), attributes.value('exp')]
  const isEarly = typeof nbf === 'number' && seconds < nbf
  if (isEarly || (typeof exp === 'number' && seconds >= exp)) {
    throw foundAzureError('key-outside-validity', call, { text: boundText(isEarly, nbf, exp) })
  }
  const operations = bundle.object('key').value('key_ops')
  if (Array.isArray(operations) && operations.includes('sign')) return
  throw foundAzureError('operation-not-permitted', call)
}

/** Builds the Signer of a version: one call per signature. */
export function createAzureSigner(client: AzureVaultClient, pinned: AzureVersion): Signer {
  return createSigner(pinned.publicKey, {
    signDigest: (digest, options) => signRaw(client, pinned, digest, options),
  })
}

async function signRaw(
  client: AzureVaultClient,
  pinned: AzureVersion,
  digest: Uint8Array,
  { signal }: SignOptions,
): Promise<Uint8Array> {
  const { key, version, publicKey } = pinned
  const { algorithm } = publicKey
  const answer = await client.call({
    method: 'POST',
    operation: 'sign',
    key,
    version,
    path: `${pathOf(pinned)}/sign`,
    body: { alg: toAzureAlgorithm(algorithm), value: encodeBase64Url(digest) },
    signal,
  })
  versionOf(client, answer.text('kid'), pinned)
  const signature = decodeBase64Url(answer.text('value'))
  if (signature === undefined) throw malformedAzureAnswer('the signature is not base64url')
  const expected = signatureBytes(algorithm, publicKey)
  if (signature.length === expected) return signature
  throw malformedAzureAnswer(`the signature has ${signature.length} bytes, expected ${expected}`)
}

/** Key Vault gives ECDSA signatures as r and s, each as long as a coordinate (P1363), as JOSE has them. */
function signatureBytes(algorithm: Algorithm, { keyObject }: PublicKeyInfo): number {
  if (algorithm.family === 'ecdsa') return 2 * algorithm.curve.coordinateBytes
  const { modulusLength = 0 } = keyObject.asymmetricKeyDetails ?? {}
  return isRsaAlgorithm(algorithm) ? modulusLength / 8 : 64
}

async function getBundle(
  client: AzureVaultClient,
  uri: Pick<AzureKmsUri, 'key' | 'version'>,
  signal: AbortSignal | undefined,
): Promise<ObjectReader> {
  const { key, version } = uri
  try {
    const request = { method: 'GET', operation: 'getKey', key, version } as const
    return await client.call({ ...request, path: pathOf(uri), signal })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) throw error
    if ((await findDeleted(client, key, signal)) === undefined) throw error
    const call: AzureCall = { operation: 'getKey', vault: client.vault, key, version }
    throw foundAzureError('key-deleted', call, { cause: error })
  }
}

/** Looks for a key among the deleted ones; undefined: it is not there, or the caller may not look. */
export async function findDeleted(
  client: AzureVaultClient,
  key: string,
  signal?: AbortSignal,
): Promise<ObjectReader | undefined> {
  const request = { method: 'GET', operation: 'getDeletedKey', key } as const
  try {
    return await client.call({ ...request, path: `deletedkeys/${key}`, signal })
  } catch (error) {
    const isHidden = ['ERR_KEY_NOT_FOUND', 'ERR_NOT_ALLOWED'] as const
    if (isHidden.some((code) => CountersignError.is(error, code))) return undefined
    throw error
  }
}

/** Reads the version in the identifier of a key, which must be the expected key, and the version if there is one. */
export function versionOf(
  { endpoint }: AzureVaultClient,
  kid: string,
  { key, version }: Pick<AzureKmsUri, 'key' | 'version'>,
): string {
  const prefix = `${endpoint.origin}/keys/${key}/`.toLowerCase()
  const found = kid.toLowerCase()
  const name = found.startsWith(prefix) ? found.slice(prefix.length) : ''
  if (/^[0-9a-f]{32}$/.test(name) && (version === undefined || version === name)) return name
  throw malformedAzureAnswer(`it is about another key than ${prefix}${version ?? ''}`)
}

function boundText(isEarly: boolean, nbf?: JsonValue, exp?: JsonValue): string {
  const time = new Date(Number(isEarly ? nbf : exp) * 1000)
  const word = isEarly ? 'valid from' : 'expired at'
  return Number.isNaN(time.getTime()) ? word : `${word} ${time.toISOString()}`
}

function notForSigning(key: string, type: string): CountersignError {
  const message = `"${key}" is a key of type ${type.slice(0, 20)}, which is not for signing`
  return new CountersignError('ERR_KEY_INVALID', message, {
    hint: 'make a key of type EC or RSA for signing',
  })
}
