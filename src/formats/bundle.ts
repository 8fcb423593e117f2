/**
 * Sigstore bundles (sigstore/protobuf-specs, sigstore_bundle.proto). Versions 0.1 to 0.3 are read,
 * 0.3 is written, with nothing in it that other readers would refuse: they reject unknown members.
 *
 * What only certificates, logs and time stamps need is left to \@sigstore/bundle, which reads
 * {@link Bundle.json} when such evidence is to be checked.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { readCertificateKey } from '../crypto/certificate.ts'
import {
  type Digest,
  digestBytes,
  digestHash,
  formatDigest,
  DIGEST_BYTES,
} from '../crypto/digest.ts'
import type { HashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { BATCH_MEMBER_MEDIA_TYPE, type BatchMembership, readMembership } from './batch.ts'
import { type Envelope, readEnvelope, toEnvelopeJson } from './dsse.ts'
import { isJsonObject, type JsonObject, type ObjectReader, parseJson, readObject } from './json.ts'

/** Media type of the bundles countersign writes. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

const MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.[123]|\.v0\.3\+json)$/

/** Most bytes of a bundle that are read. */
export const MAX_BUNDLE_BYTES: number = 24 * 1024 * 1024

const MAX_BUNDLES = 1000
/** Most log entries of a bundle, and most time stamps. */
const MAX_EVIDENCE = 16

/** A signature over a DSSE envelope, or over a file's bytes by their digest. ECDSA is DER here. */
export type BundleContent =
  | { readonly kind: 'dsse'; readonly envelope: Envelope }
  | { readonly kind: 'message'; readonly digest: Digest; readonly signature: Uint8Array }

/** How a bundle says who signed: a pointer to a key, or a certificate inside. */
export type BundleSigner =
  | { readonly kind: 'key'; readonly hint: string }
  | { readonly kind: 'certificate'; readonly der: Uint8Array }

/** A parsed bundle. */
export interface Bundle {
  readonly mediaType: string
  readonly signer: BundleSigner
  readonly content: BundleContent
  /** Entries of transparency logs it carries, unchecked. */
  readonly logEntries: number
  /** RFC 3161 time stamps it carries, unchecked. */
  readonly timestamps: number
  /** Of a batch member: which statement of the signed batch it is about, unchecked. */
  readonly member?: BatchMembership
  /** The document it was read from; of a batch member, that of the batch. */
  readonly json: JsonObject
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed Sigstore bundle: ${why}`)
}

/** Names of digests in bundles and log entries (sigstore_common.proto, HashAlgorithm). */
export const SIGSTORE_HASHES: Readonly<Record<string, HashName>> = {
  SHA2_256: 'sha256',
  SHA2_384: 'sha384',
  SHA2_512: 'sha512',
}

/**
 * Parses a bundle, or a member of a signed batch. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_BUNDLE_INVALID, ERR_ENVELOPE_INVALID, ERR_JSON_INVALID,
 * ERR_INPUT_TOO_LARGE — over 24 MiB
 *
 * @example
 * ```ts
 * import { parseBundle } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const bundle = parseBundle(await readFile('download/app.tar.gz.sigstore.json'))
 * console.log(bundle.signer.kind) // key
 * ```
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  const document = readObject(parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES }), malformed, 'it')
  if (document.value('mediaType') !== BATCH_MEMBER_MEDIA_TYPE) return readBundle(document)
  const bundle = readBundle(document.object('bundle'))
  if (bundle.content.kind !== 'dsse') throw malformed('its batch is not a statement')
  return { ...bundle, mediaType: BATCH_MEMBER_MEDIA_TYPE, member: readMembership(document) }
}

function readBundle(bundle: ObjectReader): Bundle {
  const mediaType = bundle.text('mediaType')
  if (!MEDIA_TYPE.test(mediaType))
    throw malformed('its mediaType is not a bundle of version 0.1 to 0.3')
  const material = bundle.object('verificationMaterial')
  const evidence = material.optionalObject('timestampVerificationData')
  return {
    mediaType,
    signer: readSigner(material),
    content: readContent(bundle),
    logEntries: countEvidence(material, 'tlogEntries'),
    timestamps: evidence === undefined ? 0 : countEvidence(evidence, 'rfc3161Timestamps'),
    json: bundle.json,
  }
}

/** Each one costs a signature to verify, and is compared with each other. */
function countEvidence(reader: ObjectReader, name: string): number {
  const { length } = reader.objects(name, 'optional')
  if (length > MAX_EVIDENCE) throw malformed(`it has over ${MAX_EVIDENCE} ${name}`)
  return length
}

function readSigner(material: ObjectReader): BundleSigner {
  const cases = ['publicKey', 'certificate', 'x509CertificateChain'].filter((name) =>
    isJsonObject(material.value(name)),
  )
  if (cases.length !== 1) throw malformed('it names no signer, or several')
  const publicKey = material.optionalObject('publicKey')
  if (publicKey !== undefined) return { kind: 'key', hint: publicKey.optionalText('hint') ?? '' }
  const certificate =
    material.optionalObject('certificate') ??
    material.object('x509CertificateChain').objects('certificates')[0]
  if (certificate === undefined) throw malformed('its certificate chain is empty')
  const der = readBytes(certificate, 'rawBytes')
  assertCertificate(der)
  return { kind: 'certificate', der }
}

/** Others make a key of it without a look at its numbers. */
function assertCertificate(der: Uint8Array): void {
  try {
    readCertificateKey(der)
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    throw malformed(`its certificate is refused: ${error.message}`)
  }
}

function readContent(bundle: ObjectReader): BundleContent {
  const message = bundle.optionalObject('messageSignature')
  const envelope = bundle.value('dsseEnvelope')
  if ((message === undefined) === (envelope === undefined)) {
    throw malformed('it needs exactly one of dsseEnvelope and messageSignature')
  }
  if (message !== undefined) return readMessageSignature(message)
  const parsed = readEnvelope(envelope)
  // bundle.proto: "DSSE envelopes in a bundle MUST have exactly one signature".
  if (parsed.signatures.length !== 1) throw malformed('its envelope has more than one signature')
  return { kind: 'dsse', envelope: parsed }
}

function readMessageSignature(message: ObjectReader): BundleContent {
  const digest = message.object('messageDigest')
  const algorithm = digest.text('algorithm')
  const hash = Object.hasOwn(SIGSTORE_HASHES, algorithm) ? SIGSTORE_HASHES[algorithm] : undefined
  if (hash === undefined)
    throw malformed('its digest algorithm is not SHA2_256, SHA2_384 or SHA2_512')
  const bytes = readBytes(digest, 'digest')
  if (bytes.length !== DIGEST_BYTES[hash]) throw malformed('its digest has the wrong length')
  const signature = readBytes(message, 'signature')
  return { kind: 'message', digest: formatDigest(hash, bytes), signature }
}

function readBytes(reader: ObjectReader, name: string): Uint8Array {
  const bytes = decodeBase64(reader.text(name))
  if (bytes === undefined || bytes.length === 0) throw malformed(`${name} is not base64`)
  return bytes
}

/** What a new bundle is made of; `hint` is base64(sha256(SPKI)). */
export interface BundleParts {
  readonly hint: string
  readonly content: BundleContent
  /** RFC 3161 TimeStampResp messages, DER. */
  readonly timestamps?: readonly Uint8Array[]
}

/** A new bundle as its bytes, and as what {@link parseBundle} reads from them. */
export interface WrittenBundle {
  readonly bytes: Uint8Array
  readonly parsed: Bundle
}

/**
 * Writes a bundle of version 0.3 signed by a key. A DSSE `keyid` is never written: Go verifiers skip
 * a signature whose keyid is not an SSH fingerprint of the key, so the hint must not be put there.
 */
export function writeBundle(parts: BundleParts): WrittenBundle {
  const { hint, timestamps = [] } = parts
  const content = withoutKeyIds(parts.content)
  const evidence = {
    timestampVerificationData: {
      rfc3161Timestamps: timestamps.map((der) => ({ signedTimestamp: encodeBase64(der) })),
    },
  }
  const json: JsonObject = {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint }, ...(timestamps.length === 0 ? {} : evidence) },
    ...contentJson(content),
  }
  const signed = { mediaType: BUNDLE_MEDIA_TYPE, signer: { kind: 'key', hint }, content } as const
  const parsed = { ...signed, logEntries: 0, timestamps: timestamps.length, json }
  return { bytes: Buffer.from(JSON.stringify(json)), parsed }
}

/** As {@link writeBundle}: the bytes alone. */
export function serializeBundle(parts: BundleParts): Uint8Array {
  return writeBundle(parts).bytes
}

function withoutKeyIds(content: BundleContent): BundleContent {
  if (content.kind === 'message') return content
  const signatures = content.envelope.signatures.map(({ sig }) => ({ keyid: '', sig }))
  return { kind: 'dsse', envelope: { ...content.envelope, signatures } }
}

function contentJson(content: BundleContent): JsonObject {
  if (content.kind === 'dsse') return { dsseEnvelope: toEnvelopeJson(content.envelope) }
  return {
    messageSignature: {
      messageDigest: {
        algorithm: `SHA2_${digestHash(content.digest).slice(3)}`,
        digest: encodeBase64(digestBytes(content.digest)),
      },
      signature: encodeBase64(content.signature),
    },
  }
}

/**
 * Reads the bundles of a file: one bundle, a JSON array of them, or one a line (JSONL), whatever
 * blank space surrounds them. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} as {@link parseBundle}; ERR_BUNDLE_INVALID — none, or over 1000
 */
export function splitBundles(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length > MAX_BUNDLE_BYTES) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `bundles of over ${MAX_BUNDLE_BYTES} bytes`, {
      details: { maxBytes: MAX_BUNDLE_BYTES, bytes: bytes.length },
    })
  }
  const text = Buffer.from(bytes).toString('utf8').trim()
  const lines = splitLines(text)
  const documents = text.startsWith('[')
    ? splitArray(bytes)
    : lines.length > 1 && lines.every((line) => line.startsWith('{') && line.endsWith('}'))
      ? lines.map((line) => Buffer.from(line))
      : [bytes]
  if (documents.length === 0 || documents.length > MAX_BUNDLES) {
    throw malformed(`expected 1 to ${MAX_BUNDLES} bundles in the file, found ${documents.length}`)
  }
  return documents
}

/** Lines that are not blank, without blank space around them; one more than there may be bundles at most. */
function splitLines(text: string): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < text.length && lines.length <= MAX_BUNDLES;) {
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end === -1 ? text.length : end).trim()
    if (line !== '') lines.push(line)
    at = end === -1 ? text.length : end + 1
  }
  return lines
}

function splitArray(bytes: Uint8Array): readonly Uint8Array[] {
  const parsed = parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES })
  if (!Array.isArray(parsed)) throw malformed('expected an array of bundles')
  return parsed.map((item) => Buffer.from(JSON.stringify(item)))
}
