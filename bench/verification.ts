/**
 * Verification in memory: ours beside the least any verifier must do, which is to parse the JSON and to
 * check the signature, and beside the stock Sigstore library.
 */
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createHash, type KeyObject, verify } from 'node:crypto'
import { digestOf } from '../src/crypto/digest.ts'
import { contentArtifact, digestArtifact } from '../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../src/verification/policy.ts'
import { pinKey } from '../src/verification/trust.ts'
import { type VerificationContext, verifyBundle } from '../src/verification/verify-bundle.ts'
import {
  ARTIFACT,
  type BenchAlgorithm,
  type BenchKey,
  makeAttestation,
  makeFileSignature,
  makeImageSignature,
  makeKey,
} from './bundles.ts'
import { compareRates, inFlight, inTurn, median, medianRatio, type Pace } from './rates.ts'
import { createGoal, type Section } from './report.ts'

const DIGEST = digestOf(ARTIFACT)

/** One kind of bundle and the least it takes to verify it. */
interface Kind {
  readonly name: string
  readonly make: (key: BenchKey) => Promise<Buffer>
  readonly hasContent: boolean
  readonly verifyBarely: (bundle: Buffer, key: KeyObject) => boolean
}

const KINDS: readonly Kind[] = [
  {
    name: 'image signature',
    make: ({ signer }) => makeImageSignature(signer),
    hasContent: false,
    verifyBarely: verifyEnvelopeBarely,
  },
  {
    name: 'provenance',
    make: ({ signer }) => makeAttestation(signer),
    hasContent: false,
    verifyBarely: verifyEnvelopeBarely,
  },
  {
    name: 'file of 4 KiB',
    make: ({ signer }) => makeFileSignature(signer),
    hasContent: true,
    verifyBarely: verifyFileBarely,
  },
]

/** Verifications per second, for each kind of bundle and algorithm. */
export async function measureVerification(pace: Pace): Promise<Section> {
  const rows = []
  const goals = []
  for (const algorithm of ['ES256', 'RS256'] as const) {
    const key = makeKey(algorithm)
    for (const kind of KINDS) {
      const { row, share } = await measureKind(kind, algorithm, key, pace)
      rows.push(row)
      const what = `verifyBundle, share of bare: ${algorithm} ${kind.name}`
      goals.push(createGoal(what, share, { atLeast: 0.85 }))
    }
  }
  return { name: 'verification', title: 'Verification, in memory', rows, goals }
}

async function measureKind(
  kind: Kind,
  algorithm: BenchAlgorithm,
  bench: BenchKey,
  pace: Pace,
): Promise<{ row: Section['rows'][number]; share: number }> {
  const { key } = bench
  const bytes = await kind.make(bench)
  const artifact = kind.hasContent
    ? contentArtifact('artifact', () => chunks(ARTIFACT))
    : digestArtifact('artifact', [DIGEST])
  const context: VerificationContext = {
    trust: { keys: [pinKey(key)] },
    policy: { ...SIGNATURE_POLICY, predicateTypes: 'any' },
    now: new Date(),
  }
  const verifier = stockVerifier(key.keyObject)
  const rates = await compareRates(
    {
      ours: inFlight(1, () => verifyBundle(bytes, artifact, context)),
      bare: inTurn(() => {
        if (!kind.verifyBarely(bytes, key.keyObject)) throw new Error('does not verify')
      }),
      stock: inTurn(() => {
        const bundle = bundleFromJSON(JSON.parse(bytes.toString()))
        verifier.verify(toSignedEntity(bundle, kind.hasContent ? ARTIFACT : undefined))
      }),
    },
    pace,
  )
  const share = medianRatio(rates.ours, rates.bare)
  const row = {
    algorithm,
    bundle: kind.name,
    bytes: bytes.length,
    'bare/s': Math.round(median(rates.bare)),
    'verifyBundle/s': Math.round(median(rates.ours)),
    '@sigstore/verify/s': Math.round(median(rates.stock)),
    'ours / bare': share,
    'ours / stock': medianRatio(rates.ours, rates.stock),
  }
  return { row, share }
}

/** What cannot be left out: both JSON documents parsed, the subject compared, the signature checked. */
function verifyEnvelopeBarely(bytes: Buffer, key: KeyObject): boolean {
  const { dsseEnvelope } = JSON.parse(bytes.toString()) as {
    dsseEnvelope: { payload: string; payloadType: string; signatures: [{ sig: string }] }
  }
  const { payload, payloadType, signatures } = dsseEnvelope
  const body = Buffer.from(payload, 'base64')
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${body.length} `
  const pae = Buffer.concat([Buffer.from(head), body])
  const signature = Buffer.from(signatures[0].sig, 'base64')
  const { subject } = JSON.parse(body.toString()) as { subject: [{ digest: { sha256: string } }] }
  return verify('sha256', pae, key, signature) && `sha256:${subject[0].digest.sha256}` === DIGEST
}

function verifyFileBarely(bytes: Buffer, key: KeyObject): boolean {
  const { messageSignature } = JSON.parse(bytes.toString()) as {
    messageSignature: { signature: string; messageDigest: { digest: string } }
  }
  const digest = createHash('sha256').update(ARTIFACT).digest('base64')
  const signature = Buffer.from(messageSignature.signature, 'base64')
  return (
    digest === messageSignature.messageDigest.digest && verify('sha256', ARTIFACT, key, signature)
  )
}

function stockVerifier(publicKey: KeyObject): Verifier {
  const nothing = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [],
    ctlogs: [],
    certificateAuthorities: [],
    timestampAuthorities: [],
  }
  const material = toTrustMaterial(nothing, () => ({ publicKey, validFor: () => true }))
  return new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 })
}

async function* chunks(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(content)
}
