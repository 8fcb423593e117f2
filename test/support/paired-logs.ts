/** Stores in which every signature and change is in both logs, and a service that offers them. */
import type { FastifyInstance } from 'fastify'
import { onTestFinished } from 'vitest'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { KeyHistory } from '../../src/keys/key-history.ts'
import { appendEncoded, encodeEntry } from '../../src/log/append.ts'
import type { Leaf } from '../../src/log/append-leaves.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import { signatureLeaf } from '../../src/log/public-leaf.ts'
import type { ServiceContext } from '../../src/service/context.ts'
import type { PublishedPage } from '../../src/service/publishing/published-pages.ts'
import { MemoryLog } from './memory-log.ts'
import { signHistory } from './publications.ts'
import { createService } from './service.ts'
import { serviceKey } from './service-keys.ts'
import { signStored, signTransparency } from './signed-log.ts'
import { testSigner } from './signers.ts'

/** Signs in the leaves. */
export const LEAF_KEY: PublicKeyInfo = testSigner('ES256', 'release 1').key

/** Makes both logs, each with a checkpoint over all of it. */
export async function createPairedLogs(entries: readonly LogEntry[]): Promise<MemoryLog> {
  const stored = new MemoryLog()
  await appendPaired(stored, entries)
  await signStored(stored)
  await signTransparency(stored)
  return stored
}

/** Appends to both logs, signatures as those of {@link LEAF_KEY}; nothing is signed. */
export function appendPaired(stored: MemoryLog, entries: readonly LogEntry[]): Promise<unknown> {
  const pairs = entries.map(bySigner).map((entry) => [entry, leafOf(entry)] as const)
  return appendPairs(stored, pairs)
}

/** Appends entries and the leaves that they are to name, whether or not these agree. */
export function appendPairs(
  stored: MemoryLog,
  pairs: readonly (readonly [LogEntry, Leaf | undefined])[],
): Promise<unknown> {
  return stored.transaction(async (records) => {
    const encoded = pairs.map(([entry, leaf]) => encodeEntry(entry, leaf))
    return appendEncoded(records, await records.log.lockHead(), encoded)
  })
}

function bySigner(entry: LogEntry): LogEntry {
  if (entry.type !== 'signature' && entry.type !== 'attestation') return entry
  return { ...entry, key: { ...entry.key, kid: LEAF_KEY.kid } }
}

/** Of a signature; a change has its own. */
function leafOf(entry: LogEntry): Leaf | undefined {
  if (entry.type !== 'signature' && entry.type !== 'attestation') return undefined
  const digest = `sha256:${entry.bundleSha256}` as const
  const signature = Buffer.from(entry.requestId)
  return signatureLeaf(LEAF_KEY, { content: 'file', digest, signature })
}

/** What a service offers beside the logs. */
export interface LogServiceOptions extends Partial<Pick<ServiceContext, 'authorize' | 'settings'>> {
  readonly history?: KeyHistory
  readonly keySet?: object
}

/** Starts a service with logs; it permits `readLog` and publishes no key, unless the options say otherwise. */
export async function serveLogs(
  { log, transparencyLog }: { readonly log: LogReader; readonly transparencyLog: LogReader },
  options: LogServiceOptions = {},
): Promise<string> {
  const { history = { sequence: 0, versions: [] }, keySet = { keys: [] } } = options
  const signed = Buffer.from(await signHistory(history, testSigner('ES256', 'trust 1')))
  const set = Buffer.from(JSON.stringify(keySet))
  const page = (path: string): PublishedPage => ({
    body: path === '/trust/keys.json' ? signed : set,
    contentType: 'application/json',
    maxAgeSeconds: 0,
    etag: '"any"',
  })
  const app: FastifyInstance = await createService({
    ...(options.settings && { settings: options.settings }),
    store: { log, transparencyLog } as never,
    publications: { page, settled: () => Promise.resolve() },
    keyring: {
      snapshot: { sequence: 0, keys: [serviceKey('audit', 'audit')], versions: [] },
    } as never,
    authorize: options.authorize ?? (() => Promise.resolve()),
  })
  onTestFinished(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}
