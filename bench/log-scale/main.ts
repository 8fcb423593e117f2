// `npm run bench:log -- [--entries N] [--store sqlite|postgres] [--folder FOLDER] [--json]`: what both logs cost when
// they are large. Entries are those of the audit log; each has a leaf in the transparency log.
import { execFile } from 'node:child_process'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { buildSync } from 'esbuild'
import { fromKeyObject } from '../../src/crypto/public-key.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { createFileBackend } from '../../src/providers/file/backend.ts'
import { createSigner, type Signer } from '../../src/signing/signer.ts'
import { openStore } from '../../src/store/open-store.ts'
import { makeKey } from '../bundles.ts'
import { describeMachine } from '../machine.ts'
import { createGoal, renderMarkdown, type Report, type Section } from '../report.ts'
import { fillLogs, ORIGINS } from './fill.ts'
import type { Pace } from './meter.ts'
import { measureReads } from './reads.ts'
import { serveLogs } from './served-logs.ts'
import { postgresTarget, sqliteTarget, type Target } from './target.ts'
import type { Verification } from './verify-process.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '100000' },
    store: { type: 'string', default: 'sqlite' },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

/** What both logs may take for one signature. */
const MAX_BYTES = 2100
/** What a verification may take, however long the log is. */
const MAX_VERIFY_MIB = 100

const stop = new AbortController()
process.once('SIGINT', () => {
  console.error('no more entries are appended; measuring what is there')
  stop.abort()
})

await using resources = new AsyncDisposableStack()
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'countersign-log-'))
mkdirSync(folder, { recursive: true })
if (values.folder === undefined) {
  resources.defer(() => {
    rmSync(folder, { recursive: true })
  })
}
const target = values.store === 'postgres' ? await postgresTarget(resources) : sqliteTarget(folder)
const logSigner = openLogKey(join(folder, 'log-key.pem'))
const verifier = bundleVerifier(join(folder, 'verify-process.mjs'))
const machine = describeMachine()
const filled = await fill(target)
const sections = [...filled, await reads(target), await sizes(target), await verifications(target)]
const schema = 'https://countersign.dev/schemas/benchmark/v1'
const report: Report = { schema, machine, sections }
console.log(values.json ? JSON.stringify(report, null, 2) : renderMarkdown(report))

/** In JavaScript, as the command line is: what makes it of TypeScript takes memory of its own. */
function bundleVerifier(outfile: string): string {
  const entryPoints = [join(import.meta.dirname, 'verify-process.ts')]
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm' })
  return outfile
}

/** With a folder that is kept, the key of its logs is kept too. */
function openLogKey(path: string): Signer {
  const key = existsSync(path)
    ? createPrivateKey(readFileSync(path))
    : writeNewKey(path, generateKeyPairSync('ed25519').privateKey)
  const info = fromKeyObject(createPublicKey(key), 'EdDSA')
  return createSigner(info, createFileBackend(info.algorithm, key))
}

function writeNewKey(path: string, key: KeyObject): KeyObject {
  writeFileSync(path, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  return key
}

/** Nothing where the logs of a folder are as large already. */
async function fill({ url }: Target): Promise<readonly Section[]> {
  await using store = await openStore(url, { migrate: true, timeoutMs: 600_000 })
  const { size: before } = await store.log.head()
  const operations = Number(values.entries) - before
  if (operations <= 0) return []
  const onProgress = (done: number, { perSecond }: Pace): void => {
    const minutes = (operations - done) / perSecond / 60
    console.error(
      `${before + done} entries, ${perSecond.toFixed(0)}/s, ${minutes.toFixed(1)} min left`,
    )
  }
  const { key: signed } = makeKey('ES256')
  const paces = await fillLogs({
    store,
    operations,
    signed,
    logSigner,
    stop: stop.signal,
    onProgress,
  })
  const rows = (['first', 'last', 'all'] as const).map((part) => ({
    part: part === 'all' ? `all ${paces.done}, behind ${before}` : `${part} part`,
    'signatures/s': paces[part].perSecond,
    'processor µs each': paces[part].cpuMicros,
  }))
  const found = paces.last.cpuMicros / paces.first.cpuMicros
  const { all, first, last } = paces
  const kept = last.perSecond / first.perSecond
  const goals = [
    createGoal('appending: work at the end, share of the start', found, { atMost: 1.25 }),
    createGoal('appending: durable operations/s', all.perSecond, { atLeast: 10_000 }),
    createGoal('appending: operations/s at the end, share of the start', kept, { atLeast: 0.9 }),
  ]
  const title = 'Appending, in groups of 256; parts of 100,000'
  return [{ name: 'append', title, rows, goals }]
}

async function reads({ url }: Target): Promise<Section> {
  await using store = await openStore(url)
  return { name: 'reads', title: 'Reads', rows: await measureReads(store), goals: [] }
}

async function sizes({ measure, url }: Target): Promise<Section> {
  const { tables, all } = await measure()
  await using store = await openStore(url)
  const { size } = await store.log.head()
  const [entry, leaf] = await Promise.all(
    [store.log, store.transparencyLog].map(
      async (log) => (await log.entries(0, 1))[0]?.length ?? 0,
    ),
  )
  const rows = [
    { what: 'an audit entry, as it is hashed', bytes: entry ?? 0 },
    { what: 'a public leaf, as it is hashed', bytes: leaf ?? 0 },
    { what: 'rows of both, compressed', bytes: tables.log_entries / size },
    { what: 'labels of both', bytes: tables.log_labels / size },
    { what: 'tiles of both', bytes: tables.log_tiles / size },
    { what: 'the whole database', bytes: all / size },
  ]
  const goals = [createGoal('both logs, bytes a signature', all / size, { atMost: MAX_BYTES })]
  return { name: 'sizes', title: `Bytes a signature, ${size} signatures`, rows, goals }
}

async function verifications({ url }: Target): Promise<Section> {
  await using store = await openStore(url)
  await using served = await serveLogs(store)
  const rows = []
  for (const log of ['audit', 'transparency'] as const) {
    console.error(`verifying the ${log} log`)
    const { cpuSeconds, entries, peakMiB, seconds } = await verify(served.address, log)
    rows.push({
      log,
      entries,
      'entries/s': entries / seconds,
      'processor µs each': (cpuSeconds / entries) * 1e6,
      'peak MiB': peakMiB,
    })
  }
  const peak = Math.max(...rows.map((row) => row['peak MiB']))
  const goals = [createGoal('log verify, peak MiB', peak, { atMost: MAX_VERIFY_MIB })]
  const title = 'Verifying a whole log over HTTP, in a process of its own'
  return { name: 'verify', title, rows, goals }
}

async function verify(server: string, log: keyof typeof ORIGINS): Promise<Verification> {
  const { vkey } = logVerifierKey(ORIGINS[log], logSigner.key)
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [verifier, server, log, vkey])
  return JSON.parse(stdout) as Verification
}
