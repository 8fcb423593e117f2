/**
 * Proofs of a log under an earlier name, or by an earlier key: today's trusted root still verifies them, and a
 * thief gains nothing by that.
 */
import { createPublicKey } from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial as toStockMaterial, Verifier } from '@sigstore/verify'
import { expect, test } from 'vitest'
import type { LogSection } from '../../src/config/sections/serve.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { readEnvelope } from '../../src/formats/dsse.ts'
import { type JsonObject, parseJson } from '../../src/formats/json.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { readTimestampResponse } from '../../src/timestamp/response.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { toTrustMaterial } from '../../src/verification/trusted-root.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import {
  backUp,
  clientOf,
  createFolder,
  live,
  putBack,
  readLog,
  renameLogs,
} from '../support/older-store.ts'
import { runServer, type TestServer } from '../support/server.ts'
import type { ServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'

const FILE = Buffer.from('a release file\n')
const OK = { status: 200, code: undefined }

async function release(
  { address }: TestServer,
  { authorization }: ServiceFolder,
): Promise<JsonObject> {
  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: digestOf(FILE), kind: 'file' }] }),
  })
  const { results } = (await answer.json()) as { results: { bundle: JsonObject }[] }
  return results[0]?.bundle ?? {}
}

/** Verifies with what the service publishes now: as a pinned client of ours does, and as stock tools do. */
async function verify(
  bundle: JsonObject,
  { address, versions }: TestServer,
): Promise<{ readonly ours: string; readonly stock: boolean }> {
  const published = await fetch(`${address}/trust/keys.json`)
  const { payload } = readEnvelope(parseJson(new Uint8Array(await published.arrayBuffer())))
  const trust = await toTrustMaterial(parseKeyHistory(payload))
  const bytes = Buffer.from(JSON.stringify(bundle))
  const artifact = digestArtifact('app', [digestOf(FILE)])
  const context = { trust, policy: SIGNATURE_POLICY, now: new Date() }
  const ours = await codeOfAsync(() => verifyBundle(bytes, artifact, context))

  const root: unknown = await (await fetch(`${address}/trust/trusted-root.json`)).json()
  const key = Buffer.from(versions.find((one) => one.key === 'release')?.publicKey.spki ?? [])
  const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
  const material = toStockMaterial(TrustedRoot.fromJSON(root), () => ({
    publicKey,
    validFor: () => true,
  }))
  const stock = new Verifier(material, { tlogThreshold: 1, timestampThreshold: 1 })
  return {
    ours,
    stock: isAccepted(() => stock.verify(toSignedEntity(bundleFromJSON(bundle), FILE))),
  }
}

function isAccepted(verifying: () => unknown): boolean {
  try {
    verifying()
    return true
  } catch {
    return false
  }
}

interface Released {
  readonly verificationMaterial?: {
    readonly tlogEntries?: readonly { readonly logId: { readonly keyId: string } }[]
    readonly timestampVerificationData?: {
      readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[]
    }
  }
}

/** When a bundle was stamped. */
function stampOf(bundle: JsonObject): Date {
  const { verificationMaterial: material }: Released = bundle
  const [stamp] = material?.timestampVerificationData?.rfc3161Timestamps ?? []
  return readTimestampResponse(Buffer.from(stamp?.signedTimestamp ?? '', 'base64')).time
}

/** A time behind the stamp of a bundle that is not in the future. */
async function afterItsStamp(bundle: JsonObject): Promise<Date> {
  const time = new Date(stampOf(bundle).getTime() + 1)
  await expect.poll(() => Date.now(), SOON).toBeGreaterThanOrEqual(time.getTime())
  return time
}

/** Of the log key that signed the proof of a bundle. */
function logIdOf(bundle: JsonObject): string | undefined {
  const { verificationMaterial: material }: Released = bundle
  return material?.tlogEntries?.[0]?.logId.keyId
}

const VERIFIED = { ours: 'accepted', stock: true }

async function nameOfLog({ address }: TestServer): Promise<readonly string[]> {
  const answer = await fetch(`${address}/trust/trusted-root.json`)
  const { tlogs } = (await answer.json()) as { tlogs: { baseUrl: string }[] }
  return tlogs.map(({ baseUrl }) => baseUrl)
}

const named = (number: number): LogSection => ({
  origin: `log-${number}.sign.example.com`,
  auditOrigin: `sign.example.com/audit-${number}`,
})

test('bundles of each earlier name of the log verify with the current root', async () => {
  const folder = createFolder()
  const bundles: JsonObject[] = []
  await live(folder, async (_, server) => void bundles.push(await release(server, folder)))
  for (const number of [2, 3]) {
    renameLogs(folder, named(number))
    const renamed = await runServer(folder, { newLog: true })
    bundles.push(await release(renamed, folder))
    await renamed[Symbol.asyncDispose]()
  }

  const server = await runServer(folder)

  expect(bundles).toHaveLength(3)
  for (const bundle of bundles) expect(await verify(bundle, server)).toEqual(VERIFIED)
  expect([...new Set(await nameOfLog(server))]).toEqual([
    'https://log-3.sign.example.com',
    'https://log-2.sign.example.com',
    'https://sign.example.com',
  ])
})

test('each new name of the logs is an entry of the audit log, with the earlier names', async () => {
  const folder = createFolder()
  await live(folder, async (_, server) => {
    await release(server, folder)
  })
  renameLogs(folder, named(2))

  const server = await runServer(folder, { newLog: true })

  const renames = (await readLog(server, folder)).filter(({ type }) => type === 'logNames')
  expect(renames).toMatchObject([
    {
      transparency: 'log-2.sign.example.com',
      audit: 'sign.example.com/audit-2',
      earlier: [{ origin: 'sign.example.com' }],
    },
  ])
})

test('a service that keeps its names writes no entry of them', async () => {
  const folder = createFolder()
  await live(folder, async (_, server) => {
    await release(server, folder)
  })

  const server = await runServer(folder, { newLog: true })

  expect((await readLog(server, folder)).filter(({ type }) => type === 'logNames')).toEqual([])
})

test('bundles of lost entries verify with the current root', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  let bundle: JsonObject = {}
  await live(folder, async (_, server) => void (bundle = await release(server, folder)))
  putBack(folder)
  renameLogs(folder)

  const server = await runServer(folder, { acceptStoreBehind: 'restored' })

  expect(await verify(bundle, server)).toEqual(VERIFIED)
  expect(await verify(await release(server, folder), server)).toEqual(VERIFIED)
})

test('a name lost from the database is known from the anchor', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  renameLogs(folder, named(2))
  const renamed = await runServer(folder, { newLog: true })
  const bundle = await release(renamed, folder)
  await renamed[Symbol.asyncDispose]()
  putBack(folder)
  renameLogs(folder, named(3))

  const server = await runServer(folder, { acceptStoreBehind: 'restored' })

  expect(await verify(bundle, server)).toEqual(VERIFIED)
})

test('bundles of a retired version of the log key verify with the current root', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  const bundle = await release(server, folder)
  const client = clientOf(server, folder)

  const activate = { force: true, reason: 'test' }
  await expect.poll(() => client.post('/v1/keys/log/activate', activate), SOON).toEqual(OK)

  const signer = async (): Promise<unknown> => logIdOf(await release(server, folder))
  await expect.poll(signer, SOON).not.toBe(logIdOf(bundle))
  expect(await verify(bundle, server)).toEqual(VERIFIED)
})

const REVOKED = { ours: 'accepted', stock: false }
const REFUSED = { ours: 'ERR_LOG_PROOF_INVALID', stock: false }

/** Revokes the version of the log key that signs, as compromised since a time. */
async function revokeLogKey(
  server: TestServer,
  folder: ServiceFolder,
  compromisedSince: Date,
): Promise<void> {
  const signer = async (): Promise<unknown> => logIdOf(await release(server, folder))
  const before = await signer()
  const body = {
    mode: 'seamless',
    reason: 'stolen',
    compromisedSince: compromisedSince.toISOString(),
  }
  // Its standby is made soon after the start.
  await expect
    .poll(() => clientOf(server, folder).post('/v1/keys/log/revoke', body), SOON)
    .toEqual(OK)
  await expect.poll(signer, SOON).not.toBe(before)
}

test('bundles stamped before the compromise of the log key verify with the current root', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  const bundle = await release(server, folder)
  const compromisedSince = await afterItsStamp(bundle)

  await revokeLogKey(server, folder, compromisedSince)

  // Stock verifiers know no time of an entry, so the published root leaves the key out.
  expect(await verify(bundle, server)).toEqual(REVOKED)
  expect(await verify(await release(server, folder), server)).toEqual(VERIFIED)
})

test('bundles of a revoked log key without an earlier time stamp are refused', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  const bundle = await release(server, folder)
  const { verificationMaterial: material } = bundle
  const unstamped = {
    ...bundle,
    verificationMaterial: { ...(material as JsonObject), timestampVerificationData: {} },
  }
  expect((await verify(unstamped, server)).ours).toBe('accepted')

  await revokeLogKey(server, folder, await afterItsStamp(bundle))

  expect(await verify(unstamped, server)).toEqual(REFUSED)
})

test('bundles stamped after the compromise of the log key are refused', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  const bundle = await release(server, folder)

  await revokeLogKey(server, folder, new Date(stampOf(bundle).getTime() - 1))

  expect(await verify(bundle, server)).toEqual(REFUSED)
})

test('an earlier name of the log is listed with the keys that signed under it, and until it ended', async () => {
  const folder = createFolder()
  await live(folder, async (_, server) => {
    await release(server, folder)
  })
  renameLogs(folder)

  const server = await runServer(folder, { newLog: true })

  const answer = await fetch(`${server.address}/trust/trusted-root.json`)
  const { tlogs } = (await answer.json()) as {
    tlogs: { baseUrl: string; publicKey: { validFor: { end?: string } } }[]
  }
  const [rename] = (await readLog(server, folder)).filter((entry) => entry.type === 'logNames')
  const earlier = tlogs.filter(({ baseUrl }) => baseUrl === 'https://sign.example.com')
  expect(earlier.map(({ publicKey }) => publicKey.validFor.end)).toEqual(
    earlier.map(() => rename?.earlier[0]?.until.toISOString()),
  )
  expect(earlier).not.toEqual([])
})
