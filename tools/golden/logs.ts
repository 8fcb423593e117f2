/** Both logs with entries of every type, and what is proved or kept of them. */
import { join } from 'node:path'
import { encodeEntry } from '../../src/log/append.ts'
import { appendEncoded, type EncodedEntry } from '../../src/log/append.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { exportLog } from '../../src/log/export-log.ts'
import { cosignedMessage, serializeCosignature } from '../../src/formats/cosignature.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { isJsonObject, type JsonObject } from '../../src/formats/json.ts'
import { witnessVerifierKey } from '../../src/formats/note-key.ts'
import { parseSignedNote, serializeSignedNote } from '../../src/formats/signed-note.ts'
import { serializeTlogProof } from '../../src/formats/tlog-proof.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import { proveStoredLeaf } from '../../src/log/leaf-proof.ts'
import { isStockLeaf, signatureLeaf } from '../../src/log/public-leaf.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { packLeaf } from '../../src/store/packed-leaf.ts'
import { GOLDEN_NOW, type GoldenDocument } from '../../test/support/golden/documents.ts'
import { LOG_START, signatureEntry, stateEntry } from '../../test/support/log-entries.ts'
import { MemoryLog } from '../../test/support/memory-log.ts'
import {
  LOG_KEY,
  signStored,
  signTransparency,
  testTreeSigner,
  TRANSPARENCY_KEY,
} from '../../test/support/signed-log.ts'
import { goldenSigner, type Made } from './release.ts'
import type { MadeBundle } from './signatures.ts'

const CALLER = signatureEntry(0).caller
const SERVICE = { requestId: 'start-1', caller: undefined } as const
const KEY = { name: 'release', version: 1, kid: 'kid-1' } as const

const at = (second: number): Date => new Date(LOG_START.getTime() + second * 1000)

/** Of every type but signatures; those of a change and its approval stand together, as a service writes them. */
function otherEntries(): readonly LogEntry[] {
  const caller = { requestId: 'request-7', caller: CALLER }
  const other = { requestId: 'request-8', caller: CALLER && { ...CALLER, subject: 'someone else' } }
  const about = {
    type: 'approval',
    action: 'rotateKey',
    resource: 'release',
    approvalId: 'a1',
  } as const
  const approval = { ...about, requestSha256: 'ab'.repeat(32) }
  return [
    stateEntry(0, { to: 'pending', action: 'create', sequence: 1 }),
    stateEntry(0, { from: 'pending', to: 'pending', action: 'publish', sequence: 2 }),
    stateEntry(0, { from: 'pending', to: 'active', action: 'activate', sequence: 3 }),
    { type: 'rules', ...SERVICE, time: at(0), approvals: { required: 2, actions: ['revokeKey'] } },
    {
      type: 'keyRules',
      ...SERVICE,
      time: at(0),
      resource: 'release',
      rulesSha256: 'cd'.repeat(32),
      maxTokenLifetimeSeconds: 3600,
      reason: 'accepted by an operator',
    },
    {
      type: 'token',
      ...caller,
      time: at(1),
      key: KEY,
      jti: 'token-1',
      audience: ['deploy'],
      expires: at(301),
      backendRequestId: 'backend-1',
    },
    {
      type: 'timestamp',
      ...caller,
      time: at(1),
      key: KEY,
      serial: '7f',
      digest: `sha256:${'ef'.repeat(32)}`,
    },
    {
      type: 'denial',
      ...caller,
      time: at(2),
      action: 'signArtifact',
      resource: 'release',
      code: 'ERR_NOT_ALLOWED',
      reason: 'no policy permits it',
    },
    {
      ...approval,
      ...caller,
      time: at(3),
      step: 'request',
      protectedActions: ['revokeKey'],
      expires: at(3600),
    },
    { ...approval, ...other, time: at(4), step: 'approve' },
    { ...approval, ...caller, time: at(5), step: 'use', required: 2, approvals: [8, 9] },
    stateEntry(5, {
      from: 'active',
      to: 'revoked',
      action: 'revoke',
      sequence: 4,
      reason: 'a drill',
      compromisedSince: at(4),
      caller: CALLER,
      requestId: 'request-7',
      isForced: true,
    }),
    {
      type: 'logNames',
      ...SERVICE,
      time: at(6),
      transparency: 'log.example',
      audit: 'log.example/countersign',
      earlier: [{ origin: 'before.example', until: at(0) }],
    },
    { type: 'clock', ...SERVICE, time: at(6), latest: at(5), reason: 'the clock was wrong' },
    {
      type: 'restore',
      ...SERVICE,
      time: at(7),
      logs: [
        { log: 'audit', origin: 'before.example/audit', size: 9 },
        { log: 'transparency', origin: 'before.example', size: 5 },
      ],
      sequence: 9,
      reason: 'a backup of yesterday',
    },
  ]
}

function entryOf(
  { algorithm = '', facts, signer, title }: MadeBundle,
  place: number,
): EncodedEntry {
  const type = title.includes('attestation') ? 'attestation' : 'signature'
  const { kid } = signer.key
  const entry: LogEntry = {
    ...signatureEntry(8 + place),
    type,
    key: { name: `${type}-${algorithm}`, version: 1, kid },
    digests: [facts.digest],
    predicateType: type === 'attestation' ? 'https://example.com/review/v1' : undefined,
    timestamp: title.includes('stamped') ? { kid: 'tsa-1', time: at(8) } : undefined,
    answerSha256: 'ab'.repeat(32),
    backendRequestId: `backend-${place}`,
  }
  return encodeEntry(entry, signatureLeaf(signer.key, facts))
}

/** Both logs, written to folders, and what is taken of them. */
export interface MadeLogs {
  readonly documents: readonly GoldenDocument[]
  readonly files: readonly Made[]
}

/** Writes both logs; answers the bundles with their proofs, checkpoints and stored leaves. */
export async function makeLogs(folder: string, bundles: readonly MadeBundle[]): Promise<MadeLogs> {
  const stored = new MemoryLog()
  const encoded = [...otherEntries().map((entry) => encodeEntry(entry)), ...bundles.map(entryOf)]
  const { places } = await stored.transaction(async (records) =>
    appendEncoded(records, await records.log.lockHead(), encoded),
  )
  const checkpoints = {
    audit: await signStored(stored),
    transparency: await signTransparency(stored),
  }
  const audit = {
    kind: 'audit-log',
    path: 'logs/audit',
    vkey: `${LOG_KEY.vkey} ${TRANSPARENCY_KEY.vkey}`,
  } as const
  const transparency = {
    kind: 'transparency-log',
    path: 'logs/transparency',
    vkey: TRANSPARENCY_KEY.vkey,
  } as const
  await exportLog(openStoredLog(stored.log), join(folder, audit.path))
  await exportLog(openStoredLog(stored.transparencyLog), join(folder, transparency.path))
  const firstOf = encoded.length - bundles.length
  const proven = await Promise.all(
    bundles.map((bundle, place) => prove(stored, bundle, places[firstOf + place]?.publicIndex)),
  )
  return {
    documents: [
      { ...audit, title: 'entries of every type' },
      { ...transparency, title: 'leaves of every kind' },
    ],
    files: [
      ...proven.flat(),
      checkpointOf('audit', LOG_KEY.vkey, checkpoints.audit.note),
      checkpointOf('transparency', TRANSPARENCY_KEY.vkey, checkpoints.transparency.note),
      await cosigned(checkpoints.transparency.note),
      await proofOf(stored.transparencyLog),
      ...encoded
        .slice(0, firstOf)
        .map(({ data, entry }, place) => storedLeaf(data, `${place}-${entry.type}`)),
    ],
  }
}

function checkpointOf(which: string, vkey: string, note: string): Made {
  return { kind: 'checkpoint', path: `checkpoints/${which}.txt`, title: which, vkey, bytes: note }
}

/** As a witness returns it, its line added. */
async function cosigned(note: string): Promise<Made> {
  const witness = goldenSigner('witness', 'EdDSA')
  const { id, name, vkey } = witnessVerifierKey('witness.example', witness.key)
  const { signatures, text } = parseSignedNote(Buffer.from(note))
  const time = Math.floor(GOLDEN_NOW.getTime() / 1000)
  const signature = await witness.sign(cosignedMessage(time, Buffer.from(text)))
  const line = { name, id, signature: serializeCosignature({ time, signature }) }
  return {
    kind: 'cosigned-checkpoint',
    path: 'checkpoints/cosigned.txt',
    title: 'by a witness',
    vkey: `${TRANSPARENCY_KEY.vkey} ${vkey}`,
    bytes: serializeSignedNote({ text, signatures: [...signatures, line] }),
  }
}

/** The proof of the last leaf. */
async function proofOf(log: LogReader): Promise<Made> {
  const index = (await log.head()).size - 1
  const [data = new Uint8Array()] = await log.entries(index, index + 1)
  const leafSha256 = Buffer.from(leafHash(data)).toString('hex')
  const { checkpoint, hashes } = await proveStoredLeaf(log, testTreeSigner(), { index, leafSha256 })
  const bytes = serializeTlogProof({ extra: undefined, index, hashes, checkpoint })
  const about = { title: 'of the last leaf', vkey: TRANSPARENCY_KEY.vkey, beside: data }
  return { kind: 'tlog-proof', path: 'proofs/last.tlog-proof', ...about, bytes }
}

function storedLeaf(data: Uint8Array, title: string): Made {
  const bytes = Buffer.from(packLeaf(data)).toString('base64')
  return { kind: 'stored-leaf', path: `stored-leaves/${title}.txt`, title, bytes }
}

/** Of a kind that bundles prove, and that has a time. */
async function prove(
  { transparencyLog }: MemoryLog,
  { bytes, evidence, facts, signer, title, ...bundle }: MadeBundle,
  index = 0,
): Promise<readonly Made[]> {
  const { data } = signatureLeaf(signer.key, facts)
  if (evidence !== 'stamped' || !isStockLeaf(data)) return []
  const leafSha256 = Buffer.from(leafHash(data)).toString('hex')
  const proven = await proveStoredLeaf(transparencyLog, testTreeSigner(), { index, leafSha256 })
  const json = JSON.parse(Buffer.from(bytes).toString()) as JsonObject
  const { bundle: batch } = json
  const logged = isJsonObject(batch)
    ? { ...json, bundle: withLogEntry(batch, proven) }
    : withLogEntry(json, proven)
  return [
    {
      ...bundle,
      evidence: 'logged',
      title: title.replace('stamped', 'logged'),
      path: bundle.path.replace('stamped', 'logged'),
      bytes: JSON.stringify(logged),
    },
  ]
}
