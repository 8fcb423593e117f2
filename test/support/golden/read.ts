/** Reads golden documents with the code of today. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPin } from '../../../cli/trust/home.ts'
import { createDocumentFile } from '../../../src/client/document-file.ts'
import { formatDigest, hashBytes } from '../../../src/crypto/digest.ts'
import type { PublicKeyInfo } from '../../../src/crypto/public-key.ts'
import { CountersignError } from '../../../src/errors.ts'
import { openCheckpoint } from '../../../src/formats/checkpoint.ts'
import { parseJwks } from '../../../src/formats/jwks.ts'
import { parseNoteKey } from '../../../src/formats/note-key.ts'
import { parseSignedNote } from '../../../src/formats/signed-note.ts'
import { parseTlogProof } from '../../../src/formats/tlog-proof.ts'
import { readCosignatures, readWitnessKeys } from '../../../src/formats/witnesses.ts'
import { type KeyHistory, parseKeyHistory } from '../../../src/keys/key-history.ts'
import { parseEntry } from '../../../src/log/entry-format.ts'
import { PairedLogs } from '../../../src/log/paired-logs.ts'
import { openLogFolder } from '../../../src/log/source.ts'
import { verifyLog } from '../../../src/log/verify-log.ts'
import { verifyTransparencyLog } from '../../../src/log/verify-transparency.ts'
import { parseAnchor } from '../../../src/rotation/anchor.ts'
import { unpackLeaf } from '../../../src/store/packed-leaf.ts'
import { type Artifact, digestArtifact } from '../../../src/verification/artifact.ts'
import { verifyTlogProof } from '../../../src/verification/log-proof.ts'
import { type Policy, SIGNATURE_POLICY } from '../../../src/verification/policy.ts'
import { parseTrustedRoot, toTrustMaterial } from '../../../src/verification/trusted-root.ts'
import {
  examineBundle,
  type BundleOutcome,
  type VerificationContext,
} from '../../../src/verification/verify-bundle.ts'
import {
  examineLegacyAttestation,
  examineLegacySignature,
} from '../../../src/verification/verify-legacy.ts'
import { verifyToken } from '../../../src/verification/verify-token.ts'
import {
  GOLDEN_FILES,
  GOLDEN_NOW,
  GOLDEN_TOKENS,
  type GoldenDocument,
  type GoldenEvidence,
  type GoldenKind,
  type GoldenVerdict,
} from './documents.ts'

/** A folder of a release. */
interface Release {
  readonly read: (path: string) => Uint8Array
  readonly pathOf: (path: string) => string
}

type Reader = (release: Release, document: GoldenDocument) => object | Promise<object>

/** Reads a document; what it means is given as JSON, with times as text. */
export async function readGolden(folder: string, document: GoldenDocument): Promise<GoldenVerdict> {
  const pathOf = (path: string): string => join(folder, path)
  const release = { pathOf, read: (path: string) => readFileSync(pathOf(path)) }
  try {
    const facts = await READERS[document.kind](release, document)
    return JSON.parse(JSON.stringify({ ok: true, facts })) as GoldenVerdict
  } catch (error) {
    if (CountersignError.is(error)) return { ok: false, code: error.code }
    throw error
  }
}

const READERS: Readonly<Record<GoldenKind, Reader>> = {
  bundle: async (release, document) =>
    factsOf(
      await examineBundle(
        release.read(document.path),
        artifactOf(release),
        await contextOf(release, document.evidence),
      ),
    ),
  'image-signature': async (release, { path }) => {
    const { payload, signature } = readJson(release, path)
    const legacy = { payload: fromBase64(payload), signature: fromBase64(signature) }
    const context = await contextOf(release, 'none')
    return factsOf(await examineLegacySignature(legacy, artifactOf(release), context))
  },
  'image-attestation': async (release, { path }) => {
    const context = await contextOf(release, 'none')
    return factsOf(await examineLegacyAttestation(release.read(path), artifactOf(release), context))
  },
  'key-history': (release, { path }) =>
    describeHistory(parseKeyHistory(release.read(path), ...trustKeysOf(release))),
  'trusted-root': async (release, { path }) => {
    const { tlogs, timestampAuthorities } = await parseTrustedRoot(release.read(path))
    return {
      logs: tlogs.map(({ baseUrl, logId }) => [baseUrl, logId?.keyId.toString('hex')]),
      authorities: timestampAuthorities.map(({ uri, validFor }) => [uri, validFor?.start]),
    }
  },
  'audit-log': readAuditLog,
  'transparency-log': async (release, { path, vkey = '' }) => {
    const source = openLogFolder(release.pathOf(path))
    const log = { keys: [parseNoteKey(vkey)] }
    const { checkpoint, leaves, skipped } = await verifyTransparencyLog({ source, log })
    return { ...describeTree(checkpoint), leaves, skipped }
  },
  checkpoint: (release, { path, vkey = '' }) => {
    const log = { keys: [parseNoteKey(vkey)] }
    return describeTree(openCheckpoint(release.read(path), log))
  },
  'cosigned-checkpoint': (release, { path, vkey = '' }) => {
    const [log = '', ...witnesses] = vkey.split(' ')
    const note = release.read(path)
    const checkpoint = openCheckpoint(note, { keys: [parseNoteKey(log)] })
    const cosignatures = readCosignatures(parseSignedNote(note), readWitnessKeys(witnesses))
    const seen = cosignatures.map(({ time, witness }) => [witness.name, time])
    return { ...describeTree(checkpoint), seen }
  },
  'tlog-proof': (release, { path, vkey = '' }) => {
    const proof = parseTlogProof(release.read(path))
    const log = { keys: [parseNoteKey(vkey)] }
    const tree = verifyTlogProof(proof, release.read(`${path}.leaf`), log)
    return { ...describeTree(tree), index: proof.index }
  },
  token: (release, { path }) => {
    const { keys } = parseJwks(release.read(GOLDEN_FILES.jwks))
    const policy = { ...GOLDEN_TOKENS, type: 'JWT' }
    const text = Buffer.from(release.read(path)).toString()
    const { claims, header, key } = verifyToken(text, { keys, policy, now: GOLDEN_NOW })
    return { claims, header, kid: key.kid }
  },
  anchor: (release, { path }) => {
    const { logs, revoked, sequence } = parseAnchor(release.read(path))
    return { sequence, logs: logs.map(describeTree), revoked: [...revoked] }
  },
  pin: async (release, { path }) => {
    const pin = await readPin({ env: { COUNTERSIGN_HOME: release.pathOf(path) } })
    const witnesses = pin?.witnesses.map(({ vkey }) => vkey)
    return { service: pin?.service.href, kid: pin?.trustKey.kid, witnesses }
  },
  copy: async (release, { path }) => {
    const copy = await createDocumentFile(release.pathOf(path)).read()
    return { fetchedAt: copy?.fetchedAt, etag: copy?.etag, bytes: copy?.body.length }
  },
  'stored-leaf': (release, { path }) => {
    const packed = Buffer.from(Buffer.from(release.read(path)).toString(), 'base64')
    return { ...parseEntry(unpackLeaf(packed)) }
  },
}

async function readAuditLog(
  release: Release,
  { path, vkey = '' }: GoldenDocument,
): Promise<object> {
  const source = openLogFolder(release.pathOf(path))
  const [own = '', other = ''] = vkey.split(' ')
  const beside = openLogFolder(release.pathOf('logs/transparency'))
  const transparency = { source: beside, log: { keys: [parseNoteKey(other)] } }
  const published = await verifyTransparencyLog(transparency)
  const paired = new PairedLogs(beside, published.checkpoint, {})
  const report = await verifyLog({
    source,
    log: { keys: [parseNoteKey(own)] },
    onEntry: (index, content) => paired.add(index, content),
  })
  paired.end()
  const { checkpoint, entries, first, last, skipped } = report
  return { ...describeTree(checkpoint), entries, first, last, skipped, paired: paired.named }
}

function describeTree(tree: { origin: string; size: number; root: Uint8Array }): object {
  return { origin: tree.origin, size: tree.size, root: Buffer.from(tree.root).toString('hex') }
}

function describeHistory(history: KeyHistory): object {
  const { auditLog, issuer, sequence, times, trustKeys = [], versions } = history
  const described = versions.map(({ key, ...version }) => {
    return { ...version, kid: key.kid, algorithm: key.algorithm.name }
  })
  const audit = auditLog && { ...auditLog, keys: auditLog.keys.map(({ kid }) => kid) }
  const next = trustKeys.map(({ kid }) => kid)
  return { sequence, issuer, times, versions: described, trustKeys: next, auditLog: audit }
}

/** The trust keys of a release, which signed its history. */
function trustKeysOf(release: Release): readonly PublicKeyInfo[] {
  return parseJwks(release.read(GOLDEN_FILES.trustKeys)).keys.map(({ key }) => key)
}

async function contextOf(
  release: Release,
  evidence: GoldenEvidence = 'none',
): Promise<VerificationContext> {
  const history = parseKeyHistory(release.read(GOLDEN_FILES.history), ...trustKeysOf(release))
  return { trust: await toTrustMaterial(history), policy: POLICIES[evidence], now: GOLDEN_NOW }
}

function policyOf(logEntries: number, times: number): Policy {
  return { ...SIGNATURE_POLICY, predicateTypes: 'any', evidence: { logEntries, times } }
}

const POLICIES: Readonly<Record<GoldenEvidence, Policy>> = {
  none: policyOf(0, 0),
  stamped: policyOf(0, 1),
  logged: policyOf(1, 1),
}

function artifactOf(release: Release): Artifact {
  const content = release.read(GOLDEN_FILES.artifact)
  const digests = (['sha256', 'sha384', 'sha512'] as const).map((hash) =>
    formatDigest(hash, hashBytes(hash, content)),
  )
  return digestArtifact(GOLDEN_FILES.artifact, digests)
}

function factsOf(outcome: BundleOutcome): object {
  if (!outcome.ok) throw outcome.error
  const { signature } = outcome
  const { id, logEntries, predicateType, signer, statement, times } = signature
  const key = signer.kind === 'key' ? signer.trusted.key.kid : undefined
  return { id, key, predicateType, subjects: statement?.subjects, times, logEntries }
}

function readJson(release: Release, path: string): Readonly<Record<string, string>> {
  return JSON.parse(Buffer.from(release.read(path)).toString()) as Record<string, string>
}

function fromBase64(text = ''): Uint8Array {
  return Buffer.from(text, 'base64')
}
