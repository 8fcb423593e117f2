/** One version of a transit key, pinned by its number and public half, and the Signer over it. */
import { decodeBase64, encodeBase64, encodeBase64Url } from '../../crypto/base64.ts'
import {
  parsePublicKeyJwk,
  parsePublicKeyPem,
  type PublicKeyInfo,
} from '../../crypto/public-key.ts'
import type { CountersignError } from '../../errors.ts'
import {
  createSigner,
  type Signer,
  type SignOptions,
  type SigningBackend,
} from '../../signing/signer.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { toSignParameters } from './algorithms.ts'
import {
  malformedAnswer,
  readTransitKey,
  readTransitSignature,
  type TransitKey,
} from './answers.ts'
import type { BaoClient } from './client.ts'
import type { BaoCall } from './causes/cause.ts'
import { foundError } from './errors.ts'
import type { OpenBaoUri } from './uri.ts'

/** A version of a key, and whether it may sign. */
export interface TransitVersion {
  readonly name: string
  readonly version: number
  readonly publicKey: PublicKeyInfo
  readonly key: TransitKey
}

/** Reads a key with all its versions. */
export async function fetchTransitKey(
  client: BaoClient,
  name: string,
  signal?: AbortSignal,
): Promise<TransitKey> {
  const path = `${client.server.mount}/keys/${name}`
  return readTransitKey(await client.call({ method: 'GET', path, key: name, signal }))
}

/**
 * Reads the version that a reference means; without one, the latest.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key or version; ERR_KEY_NOT_USABLE — an archived
 * version; ERR_KEY_INVALID — not for signing, derived, or of another algorithm
 */
export async function readTransitVersion(
  client: BaoClient,
  uri: OpenBaoUri,
  { algorithm, signal }: OpenKeyOptions = {},
): Promise<TransitVersion> {
  const key = await fetchTransitKey(client, uri.key, signal)
  const version = uri.version ?? key.latestVersion
  assertForSigning(client, uri.key, key)
  const text = key.publicKeys.get(version)
  if (text === undefined) throw absentVersion(client, uri.key, version, key)
  return { name: uri.key, version, key, publicKey: readPublicHalf(key, text, algorithm) }
}

/**
 * Makes sure that a version signs now, as its settings state.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_USABLE
 */
export function assertVersionSigns(client: BaoClient, found: TransitVersion): void {
  const { name, version, key } = found
  const call = keyCall(client, name, version)
  if (key.isSoftDeleted) {
    throw foundError('key-soft-deleted', call, { message: `the key "${name}" is soft-deleted` })
  }
  if (version >= key.minSigningVersion) return
  throw foundError('version-below-minimum', call, {
    message: `version ${version} of "${name}" is below min_encryption_version ${key.minSigningVersion}, so it signs no more`,
  })
}

/** Builds the Signer of a version: one call per signature, which states the version. */
export function createTransitSigner(client: BaoClient, found: TransitVersion): Signer {
  const sign = (input: Uint8Array, options: SignOptions): Promise<Uint8Array> =>
    signRaw(client, found, input, options)
  const backend: SigningBackend =
    found.publicKey.algorithm.hash === undefined ? { signMessage: sign } : { signDigest: sign }
  return createSigner(found.publicKey, backend)
}

async function signRaw(
  client: BaoClient,
  { name, version, publicKey }: TransitVersion,
  input: Uint8Array,
  { signal, onBackendRequest }: SignOptions,
): Promise<Uint8Array> {
  const answer = await client.call({
    method: 'POST',
    path: `${client.server.mount}/sign/${name}`,
    key: name,
    version,
    body: {
      ...toSignParameters(publicKey.algorithm),
      key_version: version,
      input: encodeBase64(input),
    },
    signal,
  })
  const made = readTransitSignature(answer)
  if (made.version !== version) {
    throw malformedAnswer(`version ${made.version} signed, expected version ${version}`)
  }
  const { request_id: requestId } = answer
  if (typeof requestId === 'string') onBackendRequest?.(requestId)
  return made.signature
}

function assertForSigning(client: BaoClient, name: string, key: TransitKey): void {
  const call = keyCall(client, name)
  if (!key.canSign) {
    const message = `the key "${name}" is ${key.type}, not for signing`
    throw foundError('key-not-for-signing', call, { message })
  }
  if (key.isDerived) {
    const message = `the key "${name}" is derived, so it has no public half`
    throw foundError('key-derived', call, { message })
  }
}

function absentVersion(
  client: BaoClient,
  name: string,
  version: number,
  { latestVersion }: TransitKey,
): CountersignError {
  const call = keyCall(client, name, version)
  return version > latestVersion
    ? foundError('version-missing', call, {
        message: `the key "${name}" has no version ${version}, the latest is ${latestVersion}`,
      })
    : foundError('version-archived', call, {
        message: `version ${version} of "${name}" is archived or trimmed`,
      })
}

function keyCall({ server }: BaoClient, name: string, version?: number): BaoCall {
  const { mount, namespace } = server
  return { method: 'GET', path: `${mount}/keys/${name}`, mount, namespace, key: name, version }
}

function readPublicHalf(
  { type }: TransitKey,
  text: string,
  algorithm: OpenKeyOptions['algorithm'],
): PublicKeyInfo {
  if (type !== 'ed25519') return parsePublicKeyPem(text, algorithm)
  const raw = decodeBase64(text)
  if (raw?.length !== 32) throw malformedAnswer('the public key is not 32 bytes in base64')
  return parsePublicKeyJwk({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(raw) }, algorithm)
}
