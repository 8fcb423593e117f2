/** What a released bundle proves of the transparency log, to the stock verifier. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { expect, test } from 'vitest'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { type HashName, digestOf } from '../../src/crypto/digest.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { withoutLogEntries } from '../../src/formats/log-entry.ts'
import { changeByHand } from '../support/changed-by-hand.ts'
import {
  runServer,
  type ServerFolder,
  serverFolder,
  type TestServer,
  TOKEN,
} from '../support/server.ts'

const FILE = Buffer.from('an artifact')

/** The parts of a bundle that a test changes. */
interface ChangeableBundle {
  verificationMaterial: {
    timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] }
    tlogEntries: {
      logIndex: string
      logId: { keyId: string }
      canonicalizedBody: string
      inclusionProof: {
        logIndex: string
        hashes: string[]
        checkpoint: { envelope: string }
      }
    }[]
  }
}

interface Scene {
  readonly server: TestServer
  /** The bundle of {@link FILE}, or why it is missing; retries send a key. */
  readonly release: (idempotencyKey?: string) => Promise<JsonObject>
  readonly changeDatabase: (sql: string) => Promise<void>
}

/** A service whose key is of an algorithm and a use. */
async function startScene(algorithm: AlgorithmName, use = 'artifact'): Promise<Scene> {
  const folder = withKey(serverFolder(), algorithm, use)
  const server = await runServer(folder)
  const hash: HashName = use === 'digest' && algorithm === 'ES384' ? 'sha384' : 'sha256'
  return {
    server,
    release: async (idempotencyKey) => {
      const answer = await fetch(`${server.address}/v1/keys/release/signatures`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'content-type': 'application/json',
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        body: JSON.stringify({ artifacts: [{ digest: digestOf(FILE, hash), kind: 'file' }] }),
      })
      const body = (await answer.json()) as JsonObject & { results?: { bundle: JsonObject }[] }
      return body.results?.[0]?.bundle ?? body
    },
    changeDatabase: (sql) => changeByHand(join(folder.folder, 'service.db'), sql),
  }
}

function withKey(folder: ServerFolder, algorithm: AlgorithmName, use: string): ServerFolder {
  writeFileSync(
    folder.config,
    `issuer: https://sign.example.com
store: sqlite:service.db
keys:
  release: { use: ${use}, algorithm: ${algorithm}, provider: file:keys/ }
access:
  policies: policies/
  staticTokens: [{ name: tester, token: env:TEST_TOKEN }]
serve: { listen: "127.0.0.1:0" }
`,
  )
  return folder
}

/** What stock tools are given: the published root, and the key. */
interface Trust {
  readonly root: unknown
  readonly publicKey: ReturnType<typeof createPublicKey>
}

async function fetchTrust({ address, versions }: TestServer): Promise<Trust> {
  const answer = await fetch(`${address}/trust/trusted-root.json`)
  const version = versions.find(({ key }) => key === 'release')
  const key = Buffer.from(version?.publicKey.spki ?? [])
  return {
    root: await answer.json(),
    publicKey: createPublicKey({ key, format: 'der', type: 'spki' }),
  }
}

/** Verifies as stock tools do: one log entry and one time stamp are demanded. */
function verifyStock(bundle: unknown, { publicKey, root }: Trust): void {
  const material = toTrustMaterial(TrustedRoot.fromJSON(root), () => ({
    publicKey,
    validFor: () => true,
  }))
  const thresholds = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 1 }
  new Verifier(material, thresholds).verify(toSignedEntity(bundleFromJSON(bundle), FILE))
}

const CASES = [
  ['ES256', 'artifact'],
  ['RS256', 'artifact'],
  ['ES256', 'digest'],
  ['ES384', 'digest'],
] as const

test.each(CASES)('stock verifiers accept the log entry of %s, use %s', async (algorithm, use) => {
  const { release, server } = await startScene(algorithm, use)
  const bundle = await release()

  expect(entriesOf(bundle)).toHaveLength(1)
  verifyStock(bundle, await fetchTrust(server))
})

test.each([
  ['ES384', 'artifact'],
  ['ES512', 'artifact'],
  ['EdDSA', 'artifact'],
] as const)(
  'a bundle of %s, use %s, carries no entry, and is in the log',
  async (algorithm, use) => {
    const { release, server } = await startScene(algorithm, use)
    const bundle = await release()

    expect(bundle).toEqual(withoutLogEntries(bundle))
    const { entries } = (await (await fetch(`${server.address}/log/entries`)).json()) as {
      readonly entries: readonly { readonly entry: { readonly kind: string } }[]
    }
    expect(entries.at(-1)?.entry.kind).toBe('countersign-signature')
  },
)

function entriesOf(bundle: JsonObject): unknown {
  return (bundle as unknown as ChangeableBundle).verificationMaterial.tlogEntries
}

/** Flips a bit of the first byte. */
function flip(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return bytes.toString('base64')
}

type Entry = ChangeableBundle['verificationMaterial']['tlogEntries'][number]

/** The root and size of the proof are not among them: stock verifiers take those of the signed checkpoint. */
const CHANGED_ENTRIES: Readonly<Record<string, (entry: Entry) => void>> = {
  'a hash of the proof': ({ inclusionProof: { hashes } }) =>
    hashes.splice(0, 1, flip(hashes[0] ?? '')),
  'a hash less': ({ inclusionProof: { hashes } }) => hashes.pop(),
  'a hash more': ({ inclusionProof: { hashes } }) => hashes.push(hashes[0] ?? ''),
  'the index in the proof': ({ inclusionProof: proof }) => (proof.logIndex = '0'),
  'the root in the checkpoint': ({ inclusionProof: { checkpoint } }) =>
    (checkpoint.envelope = checkpoint.envelope.replace(/(?<=^.*\n\d+\n)./, swap)),
  'the size in the checkpoint': ({ inclusionProof: { checkpoint } }) =>
    (checkpoint.envelope = checkpoint.envelope.replace(/\n\d+\n/, '\n1\n')),
  'the name in the checkpoint': ({ inclusionProof: { checkpoint } }) =>
    (checkpoint.envelope = checkpoint.envelope.replace('sign', 'evil')),
  'the signature of the checkpoint': ({ inclusionProof: { checkpoint } }) =>
    (checkpoint.envelope = checkpoint.envelope.replace(/.{4}\n$/, 'AAA=\n')),
  'the digest in the body': (entry) =>
    (entry.canonicalizedBody = changedBody(entry, /(?<="digest":")./)),
  'the signature in the body': (entry) =>
    (entry.canonicalizedBody = changedBody(entry, /(?<="content":"M)./)),
  'the key id of the log': ({ logId }) => (logId.keyId = flip(logId.keyId)),
}

/** Another letter of base64. */
function swap(letter: string): string {
  return letter === 'A' ? 'B' : 'A'
}

function changedBody(entry: Entry, where: RegExp): string {
  const body = Buffer.from(entry.canonicalizedBody, 'base64').toString()
  return Buffer.from(body.replace(where, swap)).toString('base64')
}

test('stock verifiers refuse a bundle with a change in its proof, checkpoint or body', async () => {
  const { release, server } = await startScene('ES256')
  const [bundle, trust] = [await release(), await fetchTrust(server)]
  const verdicts: Record<string, string> = {}

  for (const [what, change] of Object.entries(CHANGED_ENTRIES)) {
    const changed = structuredClone(bundle) as unknown as ChangeableBundle
    changed.verificationMaterial.tlogEntries.forEach(change)
    verdicts[what] = verdictOn(changed, trust)
  }

  expect(verdictOn(bundle, trust)).toBe('accepted')
  expect(verdicts).toEqual(
    Object.fromEntries(Object.keys(CHANGED_ENTRIES).map((what) => [what, 'refused'])),
  )
})

function verdictOn(bundle: unknown, trust: Trust): 'accepted' | 'refused' {
  try {
    verifyStock(bundle, trust)
    return 'accepted'
  } catch {
    return 'refused'
  }
}

interface ChangeableRoot {
  tlogs: { publicKey: { rawBytes: string }; baseUrl: string; logId: { keyId: string } }[]
  timestampAuthorities: unknown[]
}

test('stock verifiers refuse a bundle under another log key, or without the log or the authority', async () => {
  const { release, server } = await startScene('ES256')
  const [bundle, { publicKey, root }] = [await release(), await fetchTrust(server)]
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' })
  const under = (change: (root: ChangeableRoot) => void): string => {
    const changed = structuredClone(root) as ChangeableRoot
    change(changed)
    return verdictOn(bundle, { publicKey, root: changed })
  }

  expect(under(() => undefined)).toBe('accepted')
  expect(
    under(({ tlogs }) => {
      for (const log of tlogs) log.publicKey.rawBytes = other.toString('base64')
    }),
  ).toBe('refused')
  expect(under((changed) => (changed.tlogs = []))).toBe('refused')
  expect(
    under(({ tlogs }) => {
      for (const log of tlogs) log.baseUrl = 'https://log.example.net'
    }),
  ).toBe('refused')
  expect(under((changed) => (changed.timestampAuthorities = []))).toBe('refused')
})

test('stock verifiers refuse a bundle without its entry, with that of another bundle, or with it twice', async () => {
  const { release, server } = await startScene('ES256')
  const [one, another] = [await release(), await release()] as unknown as ChangeableBundle[]
  const trust = await fetchTrust(server)
  const entries = one?.verificationMaterial.tlogEntries ?? []
  const others = another?.verificationMaterial.tlogEntries ?? []
  const having = (tlogEntries: readonly Entry[]): string => {
    const changed = structuredClone(one) as unknown as ChangeableBundle
    changed.verificationMaterial.tlogEntries = [...tlogEntries]
    return verdictOn(changed, trust)
  }

  expect(having(entries)).toBe('accepted')
  expect(having([])).toBe('refused')
  expect(having(others)).toBe('refused')
  expect(having([...entries, ...entries])).toBe('refused')
})

test.each([
  ['as it was kept', 'select 1'],
  [
    'whose kept proof was changed',
    `update answers set body = replace(body, '"hashes":["', '"hashes":["AAAA')`,
  ],
  [
    'whose kept checkpoint was changed',
    `update answers set body = replace(body, 'sign.example.com\\n', 'evil.example.com\\n')`,
  ],
])('a repeated answer, %s, carries a valid proof', async (_what, sql) => {
  const { changeDatabase, release, server } = await startScene('ES256')
  const first = await release('retry-1')
  await release()
  await changeDatabase(sql)

  const second = await release('retry-1')

  expect(withoutLogEntries(second)).toEqual(withoutLogEntries(first))
  const trust = await fetchTrust(server)
  expect([verdictOn(first, trust), verdictOn(second, trust)]).toEqual(['accepted', 'accepted'])
})

test('a leaf that was changed in the database is not proven again', async () => {
  const { changeDatabase, release } = await startScene('ES256')
  await release('retry-1')
  const other = Buffer.from('{"apiVersion":"0.0.2","kind":"hashedrekorx"}').toString('hex')
  await changeDatabase(`update log_entries set data = x'00${other}' where log = 1`)

  expect(await release('retry-1')).toMatchObject({ code: 'ERR_LOG_PROOF_INVALID' })
})
