/**
 * Signing artifacts: what is signed and the bundle that comes out. A statement about an artifact becomes a
 * DSSE envelope; the older forms are a signature over a file's bytes, and cosign's payload about an image.
 *
 * @packageDocumentation
 */
import { toX509Signature } from '../crypto/der.ts'
import { type Digest, digestBytes, digestHash, formatDigest, hashBytes } from '../crypto/digest.ts'
import { turnFor } from '../crypto/yield-to-event-loop.ts'
import { CountersignError } from '../errors.ts'
import { type Bundle, type BundleContent, writeBundle } from '../formats/bundle.ts'
import { BATCH_PREDICATE_TYPE } from '../formats/batch.ts'
import { encodePae } from '../formats/dsse.ts'
import type { SignatureFacts } from '../formats/hashedrekord.ts'
import type { JsonObject } from '../formats/json.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import { serializeSimpleSigning } from '../formats/simple-signing.ts'
import {
  createSubject,
  type NewStatement,
  serializeStatementInTurns,
  STATEMENT_PAYLOAD_TYPE,
  type Subject,
} from '../formats/statement.ts'
import { isDigestSigner, type Signer, type SignOptions } from './signer.ts'

/** What signing an artifact takes beside the artifact. */
export interface SignArtifactOptions extends SignOptions {
  /** Asks a time-stamp authority for a TimeStampResp (RFC 3161, DER) over the signature bytes. */
  readonly timestamp?: (signature: Uint8Array) => Promise<Uint8Array>
}

/** A finished Sigstore bundle, and what it says. */
export interface SignedBundle {
  /** JSON bytes of the bundle. */
  readonly bundle: Uint8Array
  /** What the bytes say, as `parseBundle` reads them. */
  readonly parsed: Bundle
  /** Predicate type of the statement inside; undefined for a signature over a file. */
  readonly predicateType: string | undefined
}

/** Of what was signed here: what a transparency log says of it. */
export interface WithFacts {
  readonly facts: SignatureFacts
}

/** An attestation to be made: these subjects, and what is said of them. */
export interface AttestationRequest {
  readonly subjects: readonly Subject[]
  readonly predicateType: string
  readonly predicate: JsonObject
  /** JSON of the predicate, signed as it is; without it the predicate is serialized. */
  readonly predicateText?: string
}

/**
 * Signs an in-toto statement about one or more subjects.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — the request makes no valid statement;
 * ERR_PREDICATE_INVALID — its type is that of batches; and the errors of {@link Signer.sign}
 *
 * @example
 * ```ts
 * import { openKey, signStatement } from 'countersign'
 * import { createHash } from 'node:crypto'
 * import { readFile } from 'node:fs/promises'
 *
 * const sha256 = createHash('sha256').update(await readFile('app.tar.gz')).digest('hex')
 * await using key = await openKey('release.pem')
 * const signed = await signStatement(key, {
 *   subjects: [{ name: 'app.tar.gz', digest: { sha256 } }],
 *   predicateType: 'https://example.com/tests/v1',
 *   predicate: { passed: true },
 * })
 * console.log(JSON.parse(Buffer.from(signed.bundle).toString()).dsseEnvelope.payloadType) // application/vnd.in-toto+json
 * ```
 */
export async function signStatement(
  signer: Signer,
  request: AttestationRequest,
  options: SignArtifactOptions = {},
): Promise<SignedBundle & WithFacts> {
  assertNoBatch(request)
  return signAnyStatement(signer, request, options)
}

/** A batch of any root would sign any statement, whatever its caller may sign. */
function assertNoBatch({ predicateType }: AttestationRequest): void {
  if (predicateType !== BATCH_PREDICATE_TYPE) return
  throw new CountersignError(
    'ERR_PREDICATE_INVALID',
    `"${predicateType}" is made by batches only`,
    {
      hint: 'sign the artifacts as a batch',
    },
  )
}

/** Signs a statement of any type, that of a batch too: its root must be over statements that are permitted. */
export async function signAnyStatement(
  signer: Signer,
  request: NewStatement,
  options: SignArtifactOptions,
): Promise<SignedBundle & WithFacts> {
  const payload = await serializeStatementInTurns(request)
  await turnFor(payload.length)
  const signed = encodePae(STATEMENT_PAYLOAD_TYPE, payload)
  const signature = await signer.sign(signed, options)
  const sig = toX509Signature(signer.key.algorithm, signature)
  const envelope = {
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload,
    signatures: [{ keyid: '', sig }],
  }
  await turnFor(payload.length)
  const finished = await finish(signer, { kind: 'dsse', envelope }, sig, options)
  const facts = { content: 'envelope', digest: digestFor(signer, signed), signature: sig } as const
  return { ...finished, predicateType: request.predicateType, facts }
}

/**
 * Signs an artifact by its digest, in a statement of the form that cosign 3 writes and reads for images: a
 * container image or index by that of its manifest, a file by that of its content.
 */
export async function signArtifact(
  signer: Signer,
  artifact: { readonly digest: Digest; readonly annotations?: Readonly<Record<string, string>> },
  options: SignArtifactOptions = {},
): Promise<SignedBundle & WithFacts> {
  return signStatement(signer, artifactStatement(artifact), options)
}

/** The statement that {@link signArtifact} signs. */
export function artifactStatement({
  digest,
  annotations = {},
}: {
  readonly digest: Digest
  readonly annotations?: Readonly<Record<string, string>>
}): AttestationRequest {
  const subject = createSubject(digest, Object.keys(annotations).length > 0 ? { annotations } : {})
  return { subjects: [subject], predicateType: SIGN_PREDICATE_TYPE, predicate: {} }
}

/**
 * Signs a file by its digest, which must be of the hash of the signer's algorithm. The signature is
 * over the file's bytes, so it verifies with `openssl dgst -verify` too. The caller who
 * chooses the digest chooses what is signed, a DSSE envelope or a token among them: on behalf of others,
 * use {@link signArtifact}, or a key that signs nothing else.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key can't sign a digest made
 * elsewhere; ERR_ALGORITHM_UNSUPPORTED — the digest is of another hash; and the errors of the signer
 *
 * @example
 * ```ts
 * import { openKey, signFileDigest } from 'countersign'
 *
 * const digest = 'sha256:50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c'
 * await using key = await openKey('release.pem')
 * const { bundle } = await signFileDigest(key, digest)
 * console.log('messageSignature' in JSON.parse(Buffer.from(bundle).toString())) // true
 * ```
 */
export async function signFileDigest(
  signer: Signer,
  digest: Digest,
  options: SignArtifactOptions = {},
): Promise<SignedBundle & WithFacts> {
  const { algorithm } = signer.key
  if (!isDigestSigner(signer)) {
    throw new CountersignError(
      'ERR_OPERATION_UNSUPPORTED',
      `a ${algorithm.name} key of this provider can't sign a file's digest`,
      {
        hint: 'use an ES256 or RS256 key, or sign a statement about the file',
      },
    )
  }
  if (digestHash(digest) !== algorithm.hash) {
    throw new CountersignError(
      'ERR_ALGORITHM_UNSUPPORTED',
      `${algorithm.name} signs a ${algorithm.hash ?? 'whole message'}, not ${digestHash(digest)}`,
      { hint: `give the artifact's ${algorithm.hash ?? ''} digest` },
    )
  }
  const raw = await signer.signDigest(digestBytes(digest), options)
  const signature = toX509Signature(algorithm, raw)
  const content = { kind: 'message', digest, signature } as const
  const finished = await finish(signer, content, signature, options)
  return { ...finished, predicateType: undefined, facts: { content: 'file', digest, signature } }
}

/** Digest of what was signed, by the hash of the signer's algorithm or, where it has none, SHA-256. */
function digestFor({ key: { algorithm } }: Signer, signed: Uint8Array): Digest {
  const hash = algorithm.hash ?? 'sha256'
  return formatDigest(hash, hashBytes(hash, signed))
}

/** An image signature in cosign's older layout: a simple-signing payload and its signature. */
export interface LegacyImageSignature {
  readonly payload: Uint8Array
  /** ECDSA as DER. */
  readonly signature: Uint8Array
}

/** Signs an image in the form cosign 2 and containers/image policies read. */
export async function signImageLegacy(
  signer: Signer,
  image: {
    readonly digest: Digest
    readonly dockerReference: string
    readonly annotations?: Readonly<Record<string, string>>
  },
  options: SignOptions = {},
): Promise<LegacyImageSignature & WithFacts> {
  const { digest, dockerReference, annotations = {} } = image
  const payload = serializeSimpleSigning({ dockerReference, imageDigest: digest, annotations })
  const raw = await signer.sign(payload, options)
  const signature = toX509Signature(signer.key.algorithm, raw)
  const facts = { content: 'payload', digest: digestFor(signer, payload), signature } as const
  return { payload, signature, facts }
}

async function finish(
  signer: Signer,
  content: BundleContent,
  signature: Uint8Array,
  options: SignArtifactOptions,
): Promise<Pick<SignedBundle, 'bundle' | 'parsed'>> {
  const timestamps = options.timestamp === undefined ? [] : [await options.timestamp(signature)]
  const { bytes, parsed } = writeBundle({ hint: signer.key.hint, content, timestamps })
  return { bundle: bytes, parsed }
}
