/**
 * The service beside OpenBao, as its callers use both: the same wrk with as many connections, on the same cores, in
 * turns. OpenBao signs 300 bytes with a key of its transit engine: an operation of a token or an image.
 *
 * @packageDocumentation
 */
import { join } from 'node:path'
import { ARTIFACT } from '../bundles.ts'
import { median, medianRatio } from '../rates.ts'
import { createGoal, type Goal, type Row, type Section } from '../report.ts'
import { checkLoad, checkOurs, checkTransit } from './answers.ts'
import { startCallers } from './callers.ts'
import { canPin, type Cores, describeCores, ONE_CORE_EACH, PIN_ADVICE } from './cores.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { applyLoad, type Load, type LoadResult } from './load.ts'
import { findOpenBao, type OpenBao, OPENBAO_VERSION, startOpenBao } from './openbao.ts'
import { writeRequests } from './request-lines.ts'
import { type ServicePace, toLoad } from './throughput.ts'
import {
  COLD_IMAGES,
  COLD_TOKENS,
  IMAGE_BATCHES,
  IMAGES,
  MERKLE_BATCHES,
  mixRequests,
  RSA_BATCHES,
  RSA_TOKENS,
  STAMPED_IMAGES,
  TOKENS,
  TOKENS_WANTED,
  type Workload,
} from './workloads.ts'

/** What is put beside what, and the goals of it. */
interface Pair {
  readonly workload: Workload
  /** Workloads whose requests are sent in turn with its own. */
  readonly mixedWith?: readonly Workload[]
  /** Share of OpenBao's rate. */
  readonly share?: number
  /** Tokens or bundles a second with a core of its own. */
  readonly rate?: number
}

const PAIRS: readonly Pair[] = [
  { workload: TOKENS, share: 1.3 },
  { workload: COLD_TOKENS },
  { workload: RSA_TOKENS, share: 2 },
  { workload: IMAGES, share: 1 },
  { workload: COLD_IMAGES },
  { workload: STAMPED_IMAGES },
  { workload: { ...TOKENS, name: 'four keys' }, mixedWith: [RSA_TOKENS, IMAGES, STAMPED_IMAGES] },
  { workload: IMAGE_BATCHES, share: 0.4 },
  { workload: MERKLE_BATCHES, share: 1 },
  { workload: RSA_BATCHES },
]

const PINNED_PAIRS: readonly Pair[] = [
  { workload: TOKENS, rate: 2500 },
  { workload: RSA_TOKENS },
  { workload: IMAGES },
  { workload: MERKLE_BATCHES },
]

/** One process on SQLite with all cores, which the client uses too, or with those it is kept to. */
export function measureBesideOpenBao(pace: ServicePace, cores?: Cores): Promise<Section> {
  return measure({ name: 'service-openbao', pairs: PAIRS, cores }, pace)
}

/** The same with a core for the server and one for the client. */
export async function measureOnOneCore(
  pace: ServicePace,
  cores: Cores = ONE_CORE_EACH,
): Promise<Section> {
  const name = 'service-core'
  if (!canPin(cores)) return missing(name, PIN_ADVICE)
  return measure({ name, pairs: PINNED_PAIRS, cores }, pace)
}

function missing(name: string, reason: string): Section {
  return { name, title: `Not measured: ${name}`, rows: [{ missing: reason }], goals: [] }
}

interface Comparison {
  readonly name: string
  readonly pairs: readonly Pair[]
  readonly cores: Cores | undefined
}

interface Contest extends Pair {
  readonly ours: Load
  readonly theirs: Load
}

async function measure({ cores, name, pairs }: Comparison, pace: ServicePace): Promise<Section> {
  const reason = findOpenBao()
  if (reason !== undefined) return missing(name, `OpenBao: ${reason}`)
  await using resources = new AsyncDisposableStack()
  const callers = resources.use(await startCallers())
  const deployment = resources.use(await startDeployment({ processes: 1, callers, cores }))
  const openbao = resources.use(await startOpenBao(deployment.folder, cores?.server))
  const identities = await callers.tokens(TOKENS_WANTED)
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const pair of pairs) {
    console.error(`measuring ${name}: ${pair.workload.name}`)
    const contest = await prepare(pair, { deployment, openbao, identities })
    const before = openbao.auditBytes()
    const { found, row } = await compete(contest, pace)
    if (openbao.auditBytes() === before) throw new Error('OpenBao writes no audit log')
    rows.push({ cores: describeCores(cores), ...row })
    goals.push(...toGoals(pair, found))
  }
  const where = cores === undefined ? '' : `, ${describeCores(cores)}`
  return { name, title: `The service beside OpenBao ${OPENBAO_VERSION}${where}`, rows, goals }
}

interface Scene {
  readonly deployment: Deployment
  readonly openbao: OpenBao
  readonly identities: readonly string[]
}

async function prepare(pair: Pair, { deployment, identities, openbao }: Scene): Promise<Contest> {
  const { mixedWith, workload } = pair
  const ours = toLoad(workload, deployment, identities)
  if (mixedWith !== undefined)
    writeRequests(ours.requestsPath, mixRequests([workload, ...mixedWith], identities))
  const theirs = { ...ours, addresses: [openbao.address], requestsPath: '' }
  const requestsPath = writeTransitRequests(workload, openbao, deployment.folder)
  return {
    ...pair,
    ours: await checkLoad(ours, checkOurs),
    theirs: await checkLoad({ ...theirs, requestsPath }, checkTransit(openbao.publicKeys)),
  }
}

const MESSAGE = ARTIFACT.subarray(0, 300).toString('base64')

/** As many signatures by the same algorithm. */
function writeTransitRequests(
  { algorithm, items }: Workload,
  { token }: OpenBao,
  folder: string,
): string {
  const key = algorithm === 'RS256' ? 'rs256' : 'es256'
  const how = key === 'rs256' ? { signature_algorithm: 'pkcs1v15' } : {}
  const input = { input: MESSAGE }
  const what = items === 1 ? input : { batch_input: Array.from({ length: items }, () => input) }
  const body = JSON.stringify({ hash_algorithm: 'sha2-256', ...how, ...what })
  const path = join(folder, `transit-${key}-${items}.requests`)
  return writeRequests(path, [{ method: 'POST', path: `/v1/transit/sign/${key}`, token, body }])
}

interface Found {
  readonly share: number
  readonly rate: number
}

async function compete(
  { ours, theirs, workload }: Contest,
  { rounds, seconds }: ServicePace,
): Promise<{ readonly found: Found; readonly row: Row }> {
  const results = { ours: [] as LoadResult[], theirs: [] as LoadResult[] }
  const warmUp = Math.max(1, Math.floor(seconds / 2))
  for (const load of [ours, theirs]) await applyLoad(load, warmUp)
  for (let round = 0; round < rounds; round += 1) {
    const order = ['ours', 'theirs'] as const
    for (const side of round % 2 === 0 ? order : order.toReversed())
      results[side].push(await applyLoad(side === 'ours' ? ours : theirs, seconds))
  }
  const ratesOf = (side: keyof typeof results): readonly number[] =>
    results[side].map(({ requestsPerSecond }) => requestsPerSecond * workload.items)
  const p99Of = (side: keyof typeof results): number =>
    median(results[side].map(({ p99Ms }) => p99Ms))
  const share = medianRatio(ratesOf('ours'), ratesOf('theirs'))
  const rate = median(ratesOf('ours'))
  const row = {
    work: workload.name,
    'at once': workload.connections,
    'tokens or bundles/s': Math.round(rate),
    'OpenBao signatures/s': Math.round(median(ratesOf('theirs'))),
    'of OpenBao': share,
    'p99 ms': p99Of('ours'),
    'OpenBao p99 ms': p99Of('theirs'),
  }
  return { found: { share, rate }, row }
}

function toGoals({ rate, share, workload: { name } }: Pair, found: Found): readonly Goal[] {
  return [
    ...(share === undefined
      ? []
      : [createGoal(`service, share of OpenBao: ${name}`, found.share, { atLeast: share })]),
    ...(rate === undefined
      ? []
      : [createGoal(`service on one core, ${name}/s`, found.rate, { atLeast: rate })]),
  ]
}
