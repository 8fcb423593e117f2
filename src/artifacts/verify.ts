/** Verifying for callers of the library: a file with its bundles, or an image with what is attached to it. */
import { assertChoice, assertMembers } from '../basics/arguments.ts'
import type { AttachmentFormat } from '../oci/attachments.ts'
import { parsePublicKeyPem } from '../crypto/public-key.ts'
import { assertPolicy, assertTrust } from '../verification/argument-shapes.ts'
import { type Policy, SIGNATURE_POLICY } from '../verification/policy.ts'
import type { ArtifactDocument } from '../verification/result.ts'
import { pinKey, type TrustMaterial } from '../verification/trust.ts'
import { assertCommon, type CommonOptions, defaultStores, toWorld } from './defaults.ts'
import { type NamedArtifact, parseImage } from './named-artifact.ts'
import { verifyNamed } from './verify-named.ts'

/** What is trusted and demanded. */
export interface VerifyOptions extends CommonOptions {
  /** Keys and authorities; or the signer's public key in PEM. */
  readonly trust: TrustMaterial | string
  /** What is demanded; default: a signature by one trusted key. */
  readonly policy?: Partial<Policy> | undefined
  /** Bundle file, or a folder with one; default: beside a file, attached to an image. */
  readonly bundle?: string | undefined
}

/** A file to be verified. */
export interface VerifyFileOptions extends VerifyOptions {
  readonly path: string
}

/** An image to be verified. */
export interface VerifyImageOptions extends VerifyOptions {
  /** `registry/repository@sha256:…`, with or without `oci://`; or `oci-layout://…`. A tag is resolved once. */
  readonly image: string
  /** Which form of attachments is read; default `auto`. */
  readonly format?: AttachmentFormat | undefined
  /** Most bundles that are read; default 500. */
  readonly maxAttached?: number | undefined
}

/**
 * Verifies a file by its bundles. It returns only where they verify.
 *
 * @returns what was found, by whom each was signed
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} why it does not verify, as in docs/errors.md
 *
 * @example
 * ```ts
 * import { verifyFile } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trust = await readFile('release.pub', 'utf8')
 * const verified = await verifyFile({ path: 'download/app.tar.gz', trust })
 * console.log(verified.ok) // true
 * ```
 */
export async function verifyFile(options: VerifyFileOptions): Promise<ArtifactDocument> {
  assertMembers('options', options, { path: 'text' })
  const { path } = options
  return verifyOne({ kind: 'file', name: path, path }, options)
}

/**
 * Verifies an image by what is attached to it. It returns only where that verifies.
 *
 * @returns what was found, by whom each was signed; its digest is the image that was verified
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} why it does not verify, as in docs/errors.md
 *
 * @example
 * ```ts
 * import { verifyImage } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trust = await readFile('release.pub', 'utf8')
 * const verified = await verifyImage({ image: 'oci-layout://download/image:1.4', trust })
 * console.log(verified.ok) // true
 * ```
 */
export async function verifyImage(options: VerifyImageOptions): Promise<ArtifactDocument> {
  assertMembers('options', options, { image: 'text', maxAttached: 'number?' })
  assertChoice('format', options.format, ['auto', 'bundle', 'legacy', 'both'])
  const { image } = options
  return verifyOne(parseImage(image), options)
}

async function verifyOne(
  named: NamedArtifact,
  options: VerifyOptions & Pick<VerifyImageOptions, 'format' | 'maxAttached'>,
): Promise<ArtifactDocument> {
  const { bundle, format, maxAttached, policy, trust } = options
  assertCommon(options)
  assertMembers('options', options, { bundle: 'text?' })
  if (policy !== undefined) assertPolicy(policy)
  const world = toWorld(options)
  const job = {
    trust: toMaterial(trust),
    policy: { ...SIGNATURE_POLICY, ...policy },
    now: world.now(),
    bundle,
    stores: defaultStores(options),
    format,
    maxAttached,
  }
  const [verified] = await verifyNamed(named, job, world)
  if (verified === undefined) throw new RangeError('an artifact without a verdict')
  if (verified.error !== undefined) throw verified.error
  return verified.document
}

function toMaterial(trust: TrustMaterial | string): TrustMaterial {
  if (typeof trust === 'string') return { keys: [pinKey(parsePublicKeyPem(trust))] }
  assertTrust(trust)
  return trust
}
