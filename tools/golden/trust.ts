/** What a set is trusted by: key histories, trusted roots, pins, and the anchor of a store. */
import { join } from 'node:path'
import { writePin } from '../../cli/trust/home.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { witnessVerifierKey } from '../../src/formats/note-key.ts'
import { type KeyHistory, type PublishedVersion } from '../../src/keys/key-history.ts'
import { createTimes } from '../../src/keys/publication-times.ts'
import { serializeAnchor } from '../../src/rotation/anchor.ts'
import { signHistory } from '../../src/service/publishing/published-pages.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { isDigestSigner, type Signer } from '../../src/signing/signer.ts'
import { serializeTrustedRoot } from '../../src/timestamp/trusted-root.ts'
import {
  GOLDEN_FILES,
  GOLDEN_TOKENS,
  type GoldenDocument,
} from '../../test/support/golden/documents.ts'
import { serviceKey, serviceVersion } from '../../test/support/service-keys.ts'
import { LOG_ORIGIN, TRANSPARENCY_ORIGIN } from '../../test/support/signed-log.ts'
import { testSigner } from '../../test/support/signers.ts'
import {
  AUTHORITY,
  goldenSigner,
  goldenSigners,
  goldenVersion,
  type Made,
  type MadeFile,
  toJsonText,
} from './release.ts'

const day = (text: string): Date => new Date(`${text}T00:00:00Z`)

const TRUST_SIGNERS: readonly Signer[] = goldenSigners('trust')
const LOG_SIGNER = testSigner('EdDSA', 'log')

const ROOT = serializeTrustedRoot({
  issuer: GOLDEN_TOKENS.issuer,
  logOrigin: TRANSPARENCY_ORIGIN,
  keys: [serviceKey('tsa', 'timestamp'), serviceKey('log', 'log')],
  versions: [
    serviceVersion('tsa', AUTHORITY.signer, { certificates: AUTHORITY.chain }),
    serviceVersion('log', LOG_SIGNER),
  ],
})

function versions(): readonly PublishedVersion[] {
  const named = (use: 'artifact' | 'digest', signers: readonly Signer[]): PublishedVersion[] =>
    signers.map((signer) => goldenVersion(signer, `${use}-${signer.key.algorithm.name}`, { use }))
  const start = day('2026-01-03')
  const ended = { start, end: day('2026-06-01') }
  return [
    ...named('artifact', goldenSigners('artifact')),
    ...named('digest', goldenSigners('digest').filter(isDigestSigner)),
    goldenVersion(goldenSigner('retired'), 'release', { state: 'retired', validFor: ended }),
    goldenVersion(goldenSigner('revoked'), 'release', {
      version: 2,
      state: 'revoked',
      validFor: ended,
      compromisedSince: day('2026-02-01'),
    }),
    goldenVersion(goldenSigner('destroyed'), 'release', {
      version: 3,
      state: 'destroyed',
      validFor: ended,
    }),
    goldenVersion(goldenSigner('pending'), 'release', {
      version: 4,
      state: 'pending',
      validFor: { start: undefined, end: undefined },
    }),
    goldenVersion(goldenSigner('imported'), 'release', {
      version: 5,
      origin: 'external',
      validFor: { start: undefined, end: undefined },
    }),
  ]
}

/** What is published of all keys. */
export function goldenHistory(): KeyHistory {
  const lifetimes = { expiresSeconds: 86_400, offlineSeconds: 30 * 86_400 }
  return {
    sequence: 42,
    issuer: GOLDEN_TOKENS.issuer,
    versions: versions(),
    trustKeys: TRUST_SIGNERS.slice(0, 2).map(({ key }) => key),
    auditLog: { origin: LOG_ORIGIN, keys: [LOG_SIGNER.key] },
    trustedRoot: JSON.parse(Buffer.from(ROOT).toString()) as JsonObject,
    times: createTimes(new Date('2026-11-30T10:00:00Z'), lifetimes),
  }
}

/** The keys that signed the key histories. */
export function makeTrustKeys(): MadeFile {
  const keys = TRUST_SIGNERS.map(({ key }) => ({ ...serializePublicKeyJwk(key), use: 'sig' }))
  return { path: GOLDEN_FILES.trustKeys, bytes: toJsonText({ keys }) }
}

/** One key history for each algorithm that may sign it, the one that documents are verified by first. */
export function makeHistories(): Promise<readonly Made[]> {
  return Promise.all(
    TRUST_SIGNERS.map(async (signer, place) => {
      const title = signer.key.algorithm.name
      const path = place === 0 ? GOLDEN_FILES.history : `history/keys-${title}.json`
      const bytes = await signHistory(goldenHistory(), signer)
      return { kind: 'key-history', path, title, algorithm: title, bytes } as const
    }),
  )
}

/** The trusted root as it is served. */
export function makeTrustedRoot(): Made {
  return { kind: 'trusted-root', path: 'trusted-root.json', title: 'of a service', bytes: ROOT }
}

/** The anchor of a store. */
export function makeAnchor(): Made {
  const bytes = serializeAnchor({
    sequence: 42,
    logs: [
      { log: 'audit', origin: LOG_ORIGIN, size: 70, root: Buffer.alloc(32, 1) },
      { log: 'transparency', origin: TRANSPARENCY_ORIGIN, size: 60, root: Buffer.alloc(32, 2) },
    ],
    revoked: new Map([[goldenSigner('revoked').key.kid, day('2026-02-01')]]),
  })
  return { kind: 'anchor', path: 'anchor.json', title: 'of both logs', bytes }
}

/** What a user's machine keeps of a service; written by what keeps it. */
export async function keepTrust(folder: string): Promise<readonly GoldenDocument[]> {
  const [signer = goldenSigner('trust')] = TRUST_SIGNERS
  const service = new URL(GOLDEN_TOKENS.issuer)
  const env = { COUNTERSIGN_HOME: join(folder, 'pin') }
  await writePin({ service, trustKey: signer.key, witnesses: [] }, { env })
  const witnessed = { COUNTERSIGN_HOME: join(folder, 'pin-with-witness') }
  const witness = witnessVerifierKey('witness.example', goldenSigner('witness', 'EdDSA').key)
  await writePin({ service, trustKey: signer.key, witnesses: [witness] }, { env: witnessed })
  await createDocumentFile(join(folder, 'copy.json')).write({
    body: await signHistory(goldenHistory(), signer),
    etag: '"42"',
    fetchedAt: new Date('2026-11-30T11:00:00Z'),
    freshSeconds: 300,
    context: { links: [] },
  })
  return [
    { kind: 'pin', path: 'pin', title: 'of a service' },
    { kind: 'pin', path: 'pin-with-witness', title: 'of a service and a witness' },
    { kind: 'copy', path: 'copy.json', title: 'of a key history' },
  ]
}
