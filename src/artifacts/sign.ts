/**
 * Signing for callers of the library: a file, an image, or a statement about several of both.
 *
 * @packageDocumentation
 */
import { assertChoice, assertMembers } from '../basics/arguments.ts'
import type { Digest } from '../crypto/digest.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import type {
  ArtifactSigner,
  SignatureOptions,
  SignatureOutput,
  SignFormat,
} from './artifact-signer.ts'
import type { ExistingBundle } from './bundle-files.ts'
import { assertCommon, type CommonOptions, defaultStores, toWorld } from './defaults.ts'
import { createDelivery, type DeliveredSignature } from './delivery.ts'
import { type NamedArtifact, parseImage, parseNamedArtifact } from './named-artifact.ts'
import type { OpenSubject } from './open-subject.ts'
import { assertDistinctBundles, openSubjects } from './open-subjects.ts'

/** What signing takes beside the artifact. */
export interface SignerOptions extends CommonOptions {
  readonly signer: ArtifactSigner
  /** Bundle file to write, or a folder for it; default: beside a file, none for an image. */
  readonly bundle?: string | undefined
  /** What becomes of a bundle file that is there; default `refuse`, of statements `append`. */
  readonly existing?: ExistingBundle | undefined
}

/** A file to be signed. */
export interface SignFileOptions extends SignerOptions {
  readonly path: string
}

/** An image to be signed. */
export interface SignImageOptions extends SignerOptions, SignatureOptions {
  /** `registry/repository:tag`, better with `@sha256:…`, with or without `oci://`; or `oci-layout://…`. */
  readonly image: string
  /** Whether the signature is attached to the image; default true. */
  readonly attach?: boolean | undefined
}

/** Artifacts to be attested, and what is said of them. */
export interface AttestOptions extends SignerOptions {
  /** Paths of files, `oci://` images, `oci-layout://` folders, digests. */
  readonly artifacts: readonly string[]
  /** A URI and a JSON object; or provenance, where the signer makes it. */
  readonly predicate: PredicateInput | 'provenance'
  /** Of images; default `bundle`. */
  readonly format?: SignFormat | undefined
  /** Whether the attestation is attached to images; default true. */
  readonly attach?: boolean | undefined
}

/** The signature of one artifact, verified and delivered. */
export interface SignedArtifact extends DeliveredSignature, Omit<SignatureOutput, 'subjects'> {
  /** As it was named, an image by its digest. */
  readonly name: string
  readonly digest: Digest
}

/**
 * Signs a file and writes the bundle, `PATH.sigstore.json` where nothing else is said.
 *
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_FILE_READ; ERR_FILE_WRITE — a bundle is there
 * already; ERR_OPERATION_UNSUPPORTED — the key can't sign a digest; and the errors of the signer
 *
 * @example
 * ```ts
 * import { openSigner, signFile } from 'countersign'
 *
 * await using signer = await openSigner('awskms:///alias/release')
 * const signed = await signFile({ signer, path: 'app.tar.gz' })
 * console.log(signed.path) // app.tar.gz.sigstore.json
 * ```
 */
export async function signFile(options: SignFileOptions): Promise<SignedArtifact> {
  assertSigning(options)
  assertMembers('options', options, { path: 'text' })
  const { signer, path, existing = 'refuse' } = options
  signer.assertSignsFiles()
  const [subject] = await open([{ kind: 'file', name: path, path }], {
    ...options,
    existing,
    hash: signer.hash,
  })
  return signOpened(subject, { ...options, existing })
}

/**
 * Signs an image by its digest and attaches the signature to it.
 *
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID; ERR_ARTIFACT_NOT_FOUND, ERR_NOT_AUTHENTICATED,
 * ERR_NOT_ALLOWED, ERR_REGISTRY_UNAVAILABLE…; and the errors of the signer
 *
 * @example
 * ```ts
 * import { openSigner, signImage } from 'countersign'
 *
 * await using signer = await openSigner('release.pem')
 * const signed = await signImage({ signer, image: 'oci-layout://image:1.4' })
 * console.log(signed.attached?.map(({ format }) => format).join()) // bundle
 * ```
 */
export async function signImage(options: SignImageOptions): Promise<SignedArtifact> {
  assertSigning(options)
  assertMembers('options', options, { image: 'text', annotations: 'object?' })
  const { image, existing = 'refuse' } = options
  const [subject] = await open([parseImage(image)], { ...options, existing })
  return signOpened(subject, { ...options, existing })
}

/**
 * Attests artifacts: one statement about all of them, several where they are too many. Bundles are added to
 * those of each file and attached to each image.
 *
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} as {@link signFile} and {@link signImage}; ERR_PREDICATE_INVALID,
 * ERR_STATEMENT_INVALID
 *
 * @example
 * ```ts
 * import { attest, openSigner } from 'countersign'
 * import { readFile } from 'node:fs/promises'
 *
 * await using signer = await openSigner('release.pem')
 * const [signed] = await attest({
 *   signer,
 *   artifacts: ['app.tar.gz'],
 *   predicate: {
 *     predicateType: 'https://cyclonedx.org/bom',
 *     predicate: JSON.parse(await readFile('sbom.cdx.json', 'utf8')),
 *   },
 * })
 * console.log(signed?.predicateType) // https://cyclonedx.org/bom
 * ```
 */
export async function attest(options: AttestOptions): Promise<readonly SignedArtifact[]> {
  assertSigning(options)
  assertMembers('options', options, { artifacts: 'texts' })
  const { signer, artifacts, predicate, existing = 'append' } = options
  if (predicate !== 'provenance') assertMembers('predicate', predicate, PREDICATE)
  const subjects = await open(artifacts.map(parseNamedArtifact), { ...options, existing })
  const outputs = await signer.attest(subjects, predicate)
  const deliver = createDelivery(existing)
  const signed: SignedArtifact[] = []
  for (const output of outputs) {
    for (const subject of output.subjects) {
      signed.push(toSigned(subject, output, await deliver(subject, output)))
    }
  }
  return signed
}

const PREDICATE = { predicateType: 'text', predicate: 'object' } as const

/** What all that sign are given. */
function assertSigning(options: SignerOptions): void {
  assertCommon(options)
  assertMembers('options', options, { bundle: 'text?', attach: 'boolean?' })
  const signer = { sign: 'function', attest: 'function', assertSignsFiles: 'function' } as const
  assertMembers('signer', options.signer, signer)
  const { existing, format } = options as Partial<Opening>
  assertChoice('existing', existing, ['refuse', 'overwrite', 'append'])
  assertChoice('format', format, ['bundle', 'legacy', 'both'])
}

interface Opening extends SignerOptions {
  readonly existing: ExistingBundle
  readonly hash?: ArtifactSigner['hash']
  readonly format?: SignFormat | undefined
  readonly attach?: boolean | undefined
}

async function open(
  named: readonly NamedArtifact[],
  { bundle, existing, hash, format = 'bundle', attach: isAttached = true, ...common }: Opening,
): Promise<readonly [OpenSubject, ...OpenSubject[]]> {
  const stores = defaultStores(common)
  const options = { bundle, existing, hash, stores, recursive: false, format, isAttached }
  const subjects: OpenSubject[] = []
  for (const one of named) subjects.push(...(await openSubjects(one, options, toWorld(common))))
  const [first, ...more] = subjects
  if (first === undefined) throw new TypeError('the option artifacts names none')
  if (existing === 'refuse') assertDistinctBundles(subjects)
  return [first, ...more]
}

async function signOpened(
  subject: OpenSubject,
  { signer, existing, ...options }: Opening & SignatureOptions,
): Promise<SignedArtifact> {
  const output = await signer.sign([subject], options)(subject)
  return toSigned(subject, output, await createDelivery(existing)(subject, output))
}

function toSigned(
  { pinned: name, digests: [digest] }: OpenSubject,
  { predicateType, bundle, legacy, logIndex, key }: SignatureOutput,
  delivered: DeliveredSignature,
): SignedArtifact {
  return { name, digest, predicateType, bundle, legacy, logIndex, key, ...delivered }
}
