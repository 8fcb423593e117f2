/**
 * The signature step: which trusted key, if any, made the signature in a bundle, and over what.
 *
 * @packageDocumentation
 */
import { fromX509Signature } from '../crypto/der.ts'
import { type Digest, digestBytes, digestHash } from '../crypto/digest.ts'
import { createStreamVerifier, verifyDigest, verifyX509Message } from '../crypto/verify.ts'
import { CountersignError } from '../errors.ts'
import type { BundleContent } from '../formats/bundle.ts'
import { encodePae, type Envelope } from '../formats/dsse.ts'
import { type Artifact, digestArtifact } from './artifact.ts'
import { nameKey, type TrustedKey } from './trust.ts'

/** Finds the candidate that signed an envelope; any one of its signatures is enough. */
export function findEnvelopeSigner(
  envelope: Envelope,
  candidates: readonly TrustedKey[],
): TrustedKey | undefined {
  const pae = encodePae(envelope.payloadType, envelope.payload)
  return candidates.find((candidate) =>
    envelope.signatures.some(({ sig }) => verifyX509Message(candidate.key, pae, sig)),
  )
}

type MessageContent = Extract<BundleContent, { kind: 'message' }>

/**
 * Finds the candidate that signed a file, over its content where that is at hand, else over its digest.
 *
 * @throws {@link CountersignError} ERR_DIGEST_MISMATCH — the bundle signs another file
 */
export async function findFileSigner(
  content: MessageContent,
  artifact: Artifact,
  candidates: readonly TrustedKey[],
): Promise<TrustedKey | undefined> {
  const hash = digestHash(content.digest)
  const fitting = candidates.flatMap((candidate) => {
    const signature = readSignature(candidate, content.signature)
    if (signature === undefined || candidate.key.algorithm.hash !== hash) return []
    return [{ candidate, signature, verifier: createStreamVerifier(candidate.key.algorithm) }]
  })
  if (artifact.stream !== undefined && fitting.length > 0) {
    const verifiers = fitting.flatMap(({ verifier }) => verifier ?? [])
    assertDigest(content.digest, await artifact.stream(hash, verifiers), artifact)
    return fitting.find((fit) => fit.verifier?.verify(fit.candidate.key, fit.signature))?.candidate
  }
  assertDigest(content.digest, await artifact.digest(hash), artifact)
  for (const { candidate, signature } of fitting) {
    if (await verifyDigest(candidate.key, digestBytes(content.digest), signature)) return candidate
  }
  return undefined
}

/**
 * Finds the candidate that made the signature in a bundle, whatever artifact it is about: over the digest that the
 * bundle names, since no content is at hand.
 */
export async function findBundleSigner(
  content: BundleContent,
  candidates: readonly TrustedKey[],
): Promise<TrustedKey | undefined> {
  if (content.kind === 'dsse') return findEnvelopeSigner(content.envelope, candidates)
  const artifact = digestArtifact('the bundle', [content.digest])
  return findFileSigner(content, artifact, candidates)
}

/** A DER signature for the candidate's curve; undefined where it can't be one. */
function readSignature(candidate: TrustedKey, signature: Uint8Array): Uint8Array | undefined {
  try {
    return fromX509Signature(candidate.key.algorithm, signature)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return undefined
    throw error
  }
}

function assertDigest(signed: Digest, actual: Digest | undefined, artifact: Artifact): void {
  if (actual === signed) return
  const hash = digestHash(signed)
  throw new CountersignError(
    'ERR_DIGEST_MISMATCH',
    actual === undefined
      ? `the bundle signs a ${hash} digest, and "${artifact.name}" is known by another hash only`
      : 'the bundle signs another digest',
    {
      hint:
        actual === undefined
          ? `give the file itself, or its ${hash} digest`
          : 'the file is not the one that was signed: fetch it again from its source',
      details: { expected: signed, actual: actual ?? 'unknown' },
    },
  )
}

/** Says of each candidate why it did not make the signature, where none of them did. */
export function describeTried(
  content: BundleContent,
  candidates: readonly TrustedKey[],
): readonly string[] {
  return candidates.map(
    (candidate) => `${nameKey(candidate)}: ${describeMisfit(content, candidate)}`,
  )
}

function describeMisfit(content: BundleContent, candidate: TrustedKey): string {
  const { name, hash } = candidate.key.algorithm
  if (content.kind === 'message') {
    const signed = digestHash(content.digest)
    if (hash !== signed) return `${name} cannot sign a ${signed} digest`
    if (readSignature(candidate, content.signature) === undefined) {
      return `not a signature of the form of ${name}`
    }
  }
  return `not a signature of this ${name} key`
}

/** The error of a signature that no candidate made. */
export function noSigner(candidates: readonly TrustedKey[], named: boolean): CountersignError {
  const [only] = candidates
  if (only === undefined) {
    return new CountersignError('ERR_KEY_NOT_TRUSTED', 'no key to verify with was given', {
      hint: 'give a key, or the trust of a service',
      reason: 'trusted-key-missing',
    })
  }
  if (named) {
    return new CountersignError(
      'ERR_SIGNATURE_INVALID',
      `the signature does not verify with ${nameKey(only)}, the key its bundle names`,
      { hint: 'the bundle or what it signs was changed after signing; fetch it again' },
    )
  }
  const who =
    candidates.length === 1
      ? `the trusted key did not make the signature: ${nameKey(only)}`
      : `none of the ${candidates.length} trusted keys made the signature (first: ${nameKey(only)})`
  return new CountersignError('ERR_KEY_NOT_TRUSTED', who, {
    hint: 'the bundle names another key: check that the trusted key is the signer’s',
    reason: 'other-key-named',
  })
}
