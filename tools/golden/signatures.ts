/** Bundles of every form and algorithm, and signatures in the older cosign layout. */
import { encodeBase64 } from '../../src/crypto/base64.ts'
import { digestOf, formatDigest, hashBytes } from '../../src/crypto/digest.ts'
import type { SignatureFacts } from '../../src/formats/hashedrekord.ts'
import { createSubject } from '../../src/formats/statement.ts'
import {
  artifactStatement,
  signStatement,
  signArtifact,
  signFileDigest,
  signImageLegacy,
  type SignArtifactOptions,
  type SignedBundle,
  type WithFacts,
} from '../../src/signing/sign-artifact.ts'
import { signBatch } from '../../src/signing/sign-batch.ts'
import { isDigestSigner, type Signer } from '../../src/signing/signer.ts'
import {
  ARTIFACT,
  goldenSigner,
  goldenSigners,
  type Made,
  stamping,
  toJsonText,
} from './release.ts'

/** A bundle, and what the logs say of it. */
export interface MadeBundle extends Made {
  readonly signer: Signer
  readonly facts: SignatureFacts
}

type Sign = (signer: Signer, options: SignArtifactOptions) => Promise<SignedBundle & WithFacts>

const DIGEST = digestOf(ARTIFACT)

const signFileContent: Sign = (signer, options) => {
  const hash = signer.key.algorithm.hash ?? 'sha256'
  return signFileDigest(signer, formatDigest(hash, hashBytes(hash, ARTIFACT)), options)
}

const signOne: Sign = (signer, options) =>
  signArtifact(signer, { digest: DIGEST, annotations: { channel: 'stable' } }, options)

const signAttestation: Sign = (signer, options) => {
  const subjects = [createSubject(DIGEST, { name: 'artifact.txt' })]
  const predicateType = 'https://example.com/review/v1'
  return signStatement(signer, { subjects, predicateType, predicate: { approved: true } }, options)
}

/** One of three statements that were signed at once. */
const signInBatch: Sign = async (signer, options) => {
  const digests = ['one', 'two'].map((text) => digestOf(Buffer.from(text)))
  const statements = [DIGEST, ...digests].map((digest) => artifactStatement({ digest }))
  const { member, signed } = await signBatch(signer, statements, options)
  return { ...member(0), facts: signed.facts }
}

const FORMS: Readonly<Record<string, Sign>> = {
  file: signFileContent,
  signature: signOne,
  attestation: signAttestation,
  'batch-member': signInBatch,
}

/** Makes bundles, each with and without the time of an authority. */
export async function makeBundles(): Promise<readonly MadeBundle[]> {
  const made: MadeBundle[] = []
  for (const [form, sign] of Object.entries(FORMS)) {
    const signers = goldenSigners(form === 'file' ? 'digest' : 'artifact')
    for (const signer of signers.filter((one) => form !== 'file' || isDigestSigner(one))) {
      made.push(await makeBundle({ form, sign, signer, evidence: 'none' }))
      made.push(await makeBundle({ form, sign, signer, evidence: 'stamped' }))
    }
  }
  return [...made, await makeRetired()]
}

/** What a version signed before it was retired verifies by its time. */
function makeRetired(): Promise<MadeBundle> {
  const signer = goldenSigner('retired')
  const form = 'by-a-retired-version'
  return makeBundle({ form, sign: signOne, signer, evidence: 'stamped' })
}

/** Makes one bundle by a key that no key history has, or that is revoked. */
export function makeBundleBy(purpose: string): Promise<MadeBundle> {
  const signer = goldenSigner(purpose)
  return makeBundle({ form: purpose, sign: signOne, signer, evidence: 'stamped' })
}

interface Making {
  readonly form: string
  readonly sign: Sign
  readonly signer: Signer
  readonly evidence: 'none' | 'stamped'
}

async function makeBundle({ form, sign, signer, evidence }: Making): Promise<MadeBundle> {
  const algorithm = signer.key.algorithm.name
  const { bundle, facts } = await sign(signer, stamping(evidence === 'stamped'))
  const title = `${algorithm} ${form} ${evidence}`
  const path = `bundles/${title.replaceAll(' ', '-')}.sigstore.json`
  return { kind: 'bundle', path, title, algorithm, evidence, bytes: bundle, signer, facts }
}

/** Signatures and attestations of an image as cosign 2 stores them. */
export async function makeImageSignatures(): Promise<readonly Made[]> {
  const made = await Promise.all(goldenSigners('artifact').map(makeOlderLayout))
  return made.flat()
}

async function makeOlderLayout(signer: Signer): Promise<readonly Made[]> {
  const algorithm = signer.key.algorithm.name
  const image = { digest: DIGEST, dockerReference: 'registry.example.com/app' }
  const { payload, signature } = await signImageLegacy(signer, image)
  const parts = { payload: encodeBase64(payload), signature: encodeBase64(signature) }
  const { bundle } = await signAttestation(signer, {})
  const { dsseEnvelope } = JSON.parse(Buffer.from(bundle).toString()) as { dsseEnvelope: object }
  const about = { title: algorithm, algorithm }
  return [
    {
      ...about,
      kind: 'image-signature',
      path: `images/${algorithm}.sig.json`,
      bytes: toJsonText(parts),
    },
    {
      ...about,
      kind: 'image-attestation',
      path: `images/${algorithm}.att.json`,
      bytes: toJsonText(dsseEnvelope),
    },
  ]
}
