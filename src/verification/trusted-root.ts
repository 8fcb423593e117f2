/**
 * Sigstore trusted roots (sigstore/protobuf-specs, sigstore_trustroot.proto), read more strictly than
 * \@sigstore/verify does: an authority without a start of validity would be trusted since 1970.
 *
 * @packageDocumentation
 */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { readCertificateKey } from '../crypto/certificate.ts'
import { parsePublicKeyPkcs1, parsePublicKeySpki } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import { assertVersion } from '../formats/versions.ts'
import type { KeyHistory } from '../keys/key-history.ts'
import { trustKeyHistory, type TrustMaterial } from './trust.ts'

const MAX_ROOT_BYTES = 4 * 1024 * 1024
const MAX_CHAIN = 8
const MAX_KEYS = 1024
/** Names of what \@sigstore/verify reads as PKCS#1; everything else is SPKI to it. */
const PKCS1 = /^PK(?:CS1|IX)_RSA_PKCS1V(?:5|15_(?:2048|3072|4096)_SHA256)$/

function malformed(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed trusted root: ${why}`, {
    hint: 'give a trusted_root.json as `cosign trusted-root create` or /trust/trusted-root.json writes it',
    cause,
  })
}

/**
 * Parses a trusted root.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE;
 * ERR_FORMAT_UNSUPPORTED — of a later version
 *
 * @example
 * ```ts
 * import { parseTrustedRoot } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const root = await parseTrustedRoot(await readFile('log/trusted-root.json'))
 * console.log(root.tlogs.length > 0) // true
 * ```
 */
export async function parseTrustedRoot(bytes: Uint8Array): Promise<TrustedRoot> {
  const root = readObject(parseJson(bytes, { maxBytes: MAX_ROOT_BYTES }), malformed, 'it')
  assertMediaType(root.text('mediaType'))
  for (const log of [...root.objects('tlogs', 'optional'), ...root.objects('ctlogs', 'optional')]) {
    assertStart(log.object('publicKey'))
  }
  for (const list of ['certificateAuthorities', 'timestampAuthorities']) {
    for (const authority of root.objects(list, 'optional')) assertStart(authority)
  }
  const { TrustedRoot } = await import('@sigstore/protobuf-specs')
  const parsed = readAs(() => TrustedRoot.fromJSON(root.json), 'a member has the wrong type')
  await assertKeys(parsed)
  return parsed
}

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=(\d{1,9})\.\d+|\.v(\d{1,9})\.\d+\+json)$/

/** Those of Sigstore are 0.1 and 0.2: under the same first number, members are added and skipped. */
function assertMediaType(mediaType: string): void {
  const match = MEDIA_TYPE.exec(mediaType)
  if (match === null) throw malformed('its mediaType is not a trusted root')
  const [, first, second] = match
  assertVersion('the trusted root', Number(first ?? second), 0)
}

function readAs<T>(read: () => T, why: string): T {
  try {
    return read()
  } catch (cause) {
    throw malformed(CountersignError.is(cause) ? `${why}: ${cause.message}` : why, cause)
  }
}

/** Judges every key as the verifier will read it, since it makes keys of whatever stands there. */
async function assertKeys(root: TrustedRoot): Promise<void> {
  const authorities = [...root.certificateAuthorities, ...root.timestampAuthorities]
  const logs = [...root.tlogs, ...root.ctlogs]
  const keys = authorities.reduce((sum, one) => sum + (one.certChain?.certificates.length ?? 0), 0)
  if (keys + logs.length > MAX_KEYS) throw malformed(`it has over ${MAX_KEYS} keys`)
  const { PublicKeyDetails } = await import('@sigstore/protobuf-specs')
  for (const { publicKey } of logs) {
    const { rawBytes = Buffer.alloc(0), keyDetails = 0 } = publicKey ?? {}
    const isPkcs1 = PKCS1.test(PublicKeyDetails[keyDetails] ?? '')
    const parse = isPkcs1 ? parsePublicKeyPkcs1 : parsePublicKeySpki
    readAs(() => parse(rawBytes), 'the key of a log')
  }
  for (const { certChain } of authorities) {
    assertChain(certChain?.certificates ?? [])
  }
}

function assertChain(certificates: readonly { readonly rawBytes: Uint8Array }[]): void {
  if (certificates.length > MAX_CHAIN) throw malformed(`a chain of over ${MAX_CHAIN} certificates`)
  for (const { rawBytes } of certificates) {
    readAs(() => readCertificateKey(rawBytes), 'a certificate of an authority')
  }
}

/**
 * Trusts what a service publishes: each version within its window and state, and its authorities and logs.
 *
 * @throws {@link CountersignError} as {@link parseTrustedRoot}
 */
export async function toTrustMaterial(history: KeyHistory): Promise<TrustMaterial> {
  const { trustedRoot: root } = history
  const trustedRoot =
    root === undefined ? undefined : await parseTrustedRoot(Buffer.from(JSON.stringify(root)))
  const keys = trustKeyHistory(history)
  if (history.revokedLogs === undefined) return { keys, trustedRoot }
  return { keys, trustedRoot, revokedLogs: await parseRevokedLogs(history.revokedLogs) }
}

/** As the logs of a trusted root, since that is what they were. */
async function parseRevokedLogs(logs: readonly JsonObject[]): Promise<TrustedRoot['tlogs']> {
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: logs,
  }
  const { tlogs } = await parseTrustedRoot(Buffer.from(JSON.stringify(root)))
  for (const { publicKey } of tlogs) {
    if (publicKey?.validFor?.end === undefined) throw malformed('a revoked log counts without end')
  }
  return tlogs
}

function assertStart(reader: ObjectReader): void {
  const start = reader.object('validFor').text('start')
  if (Number.isNaN(Date.parse(start))) throw malformed('validFor.start is not a time')
}
