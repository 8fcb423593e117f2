/** One version of a key in Cloud KMS, pinned by its name and public half, and the Signer over it. */
import { decodeBase64, encodeBase64 } from '../../crypto/base64.ts'
import { isSameAlgorithm } from '../../crypto/algorithms.ts'
import { fromX509Signature } from '../../crypto/der.ts'
import { parsePublicKeyPem, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import type { JsonObject, ObjectReader } from '../../formats/json.ts'
import {
  createSigner,
  type Signer,
  type SignOptions,
  type SigningBackend,
} from '../../signing/signer.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { fromGcpAlgorithm } from './algorithms.ts'
import { type GcpKmsClient, malformedGcpAnswer } from './client.ts'
import { crc32c } from './crc32c.ts'
import { type GcpKmsUri, keyName } from './uri.ts'

/** A version, by its name in the API. */
export interface PinnedGcpKey {
  readonly name: string
  readonly version: number
  readonly publicKey: PublicKeyInfo
}

/** Corruption on the way is tried again as often. */
const MAX_TRIES = 3
/** Of a hundred versions each. */
const MAX_PAGES = 20

/** Name of a version in the API. */
export function versionName(uri: Pick<GcpKmsUri, 'ring' | 'key'>, version: number): string {
  return `${keyName(uri)}/cryptoKeyVersions/${version}`
}

/**
 * Reads the public key of the version that a reference means; without one, of the latest that is enabled.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key, or none of its versions is enabled;
 * ERR_KEY_INVALID — not for signing, or of another algorithm; ERR_PROVIDER_FAULT — corrupted, or another key
 */
export async function readGcpKey(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  { algorithm, signal }: OpenKeyOptions = {},
): Promise<PinnedGcpKey> {
  const version = uri.version ?? (await findLatest(client, uri, signal))
  const name = versionName(uri, version)
  const call = {
    method: 'GET',
    operation: 'getPublicKey',
    name,
    path: `${name}/publicKey`,
    signal,
  } as const
  const [pem, own] = await untilIntact(async () => {
    const answer = await client.call(call)
    const found = answer.text('pem')
    assertIntact(found, Buffer.from(found), answer.text('pemCrc32c'))
    assertName(answer, name)
    return [found, answer.text('algorithm')] as const
  })
  const signs = fromGcpAlgorithm(own)
  if (signs === undefined) throw notOurs(name, own)
  if (algorithm !== undefined && !isSameAlgorithm(algorithm, signs))
    throw otherAlgorithm(name, signs, algorithm)
  return { name, version, publicKey: parsePublicKeyPem(pem, algorithm ?? signs) }
}

/** Reads the resource of a version: its state, protection level and the rest. */
export function getGcpVersion(
  client: GcpKmsClient,
  name: string,
  signal?: AbortSignal,
): Promise<ObjectReader> {
  const operation = 'cryptoKeyVersions.get'
  return client.call({ method: 'GET', operation, name, path: name, signal })
}

/** Builds the Signer of a version: one call per signature. */
export function createGcpSigner(client: GcpKmsClient, pinned: PinnedGcpKey): Signer {
  const { hash } = pinned.publicKey.algorithm
  const backend: SigningBackend =
    hash === undefined
      ? { signMessage: (data, options) => signRaw({ client, pinned }, dataMembers(data), options) }
      : {
          signDigest: (digest, options) =>
            signRaw({ client, pinned }, digestMembers(hash, digest), options),
        }
  return createSigner(pinned.publicKey, backend)
}

interface Payload {
  readonly body: JsonObject
  /** The member in which the server states that it got what was sent. */
  readonly verified: string
}

function digestMembers(hash: string, digest: Uint8Array): Payload {
  const body = { digest: { [hash]: encodeBase64(digest) }, digestCrc32c: String(crc32c(digest)) }
  return { body, verified: 'verifiedDigestCrc32c' }
}

function dataMembers(data: Uint8Array): Payload {
  const body = { data: encodeBase64(data), dataCrc32c: String(crc32c(data)) }
  return { body, verified: 'verifiedDataCrc32c' }
}

async function signRaw(
  { client, pinned }: { readonly client: GcpKmsClient; readonly pinned: PinnedGcpKey },
  { body, verified }: Payload,
  { signal }: SignOptions,
): Promise<Uint8Array> {
  const { name, publicKey } = pinned
  const path = `${name}:asymmetricSign`
  const signature = await untilIntact(async () => {
    const answer = await client.call({
      method: 'POST',
      operation: 'asymmetricSign',
      name,
      path,
      body,
      signal,
    })
    assertName(answer, name)
    if (answer.value(verified) !== true) throw corrupted('the server did not get what was sent')
    const made = decodeBase64(answer.text('signature'))
    if (made === undefined) throw malformedGcpAnswer('the signature is not base64')
    assertIntact('signature', made, answer.text('signatureCrc32c'))
    return made
  })
  try {
    return fromX509Signature(publicKey.algorithm, signature)
  } catch {
    throw malformedGcpAnswer('the ECDSA signature is not DER')
  }
}

async function findLatest(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  signal: AbortSignal | undefined,
): Promise<number> {
  const name = keyName(uri)
  const versions: number[] = []
  let token = ''
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = new URLSearchParams({
      filter: 'state=ENABLED',
      pageSize: '100',
      pageToken: token,
    })
    const path = `${name}/cryptoKeyVersions?${query.toString()}`
    const answer = await client.call({
      method: 'GET',
      operation: 'cryptoKeyVersions.list',
      name,
      path,
      signal,
    })
    const found = answer.objects('cryptoKeyVersions', 'optional')
    versions.push(...found.map((version) => numberOf(version.text('name'), name)))
    token = answer.optionalText('nextPageToken') ?? ''
    if (token === '') break
  }
  if (versions.length > 0) return Math.max(...versions)
  throw new CountersignError('ERR_KEY_NOT_FOUND', `no version of ${name} is enabled`, {
    hint: 'make one for signing: gcloud kms keys versions create, or enable one',
  })
}

function numberOf(found: string, name: string): number {
  const prefix = `${name}/cryptoKeyVersions/`
  const number = found.startsWith(prefix) ? found.slice(prefix.length) : ''
  if (!/^[1-9][0-9]{0,8}$/.test(number)) throw malformedGcpAnswer('a version of another key')
  return Number(number)
}

/** Google recommends to discard what was corrupted and to try again, a few times. */
async function untilIntact<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; tries < MAX_TRIES; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!CountersignError.is(error) || error.details['corrupted'] !== true) throw error
    }
  }
  return attempt()
}

function assertIntact(what: string, bytes: Uint8Array, checksum: string): void {
  if (checksum === String(crc32c(bytes))) return
  throw corrupted(
    `the checksum of the ${what === 'signature' ? what : 'public key'} does not match`,
  )
}

function corrupted(why: string): CountersignError {
  return new CountersignError('ERR_PROVIDER_FAULT', `Google Cloud KMS: ${why}`, {
    hint: 'nothing was released; something between this machine and Cloud KMS changes what is sent',
    details: { provider: 'gcpkms', corrupted: true },
  })
}

function assertName(answer: ObjectReader, expected: string): void {
  const name = answer.text('name')
  if (name !== expected) throw malformedGcpAnswer(`it is about ${name}, expected ${expected}`)
}

function notOurs(name: string, algorithm: string): CountersignError {
  return new CountersignError(
    'ERR_KEY_INVALID',
    `${name} is for ${algorithm}, which is not supported`,
    {
      hint: 'make a key of purpose asymmetric-signing with EC_SIGN_P256_SHA256',
    },
  )
}

function otherAlgorithm(name: string, signs: string, asked: string): CountersignError {
  const message = `${name} signs ${signs} alone, expected ${asked}`
  return new CountersignError('ERR_KEY_INVALID', message, {
    hint: 'the algorithm of a version never changes: make another version or key',
  })
}
