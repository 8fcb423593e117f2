/**
 * Signatures and tokens over HTTP, with identity tokens, policies, log and release check, beside what the
 * backend signs with nothing of ours, and beside fastify that answers as many bytes and does nothing.
 */
import { join } from 'node:path'
import { openFileKey } from '../backends/file.ts'
import { type BenchToken, createBenchToken } from '../backends/pkcs11.ts'
import type { BenchBackend } from '../backends/backend.ts'
import { ARTIFACT, type BenchAlgorithm } from '../bundles.ts'
import { inFlight, median, medianRatio } from '../rates.ts'
import type { Row, Section } from '../report.ts'
import { answerOf, startBareServer } from './bare.ts'
import { startCallers } from './callers.ts'
import { type Deployment, type DeploymentOptions, startDeployment } from './deployment.ts'
import { type Cores, describeCores } from './cores.ts'
import { applyLoad, type Load } from './load.ts'
import { writeRequests } from './request-lines.ts'
import { TOKENS_WANTED, toRequests, WORKLOADS } from './workloads.ts'
import type { Workload } from './workloads.ts'

/** How long a measurement takes: rounds times workloads times five seconds or so. */
export interface ServicePace {
  readonly rounds: number
  /** Of load on the service; the others get a third. */
  readonly seconds: number
}

type RawKeys = Readonly<Record<BenchAlgorithm, BenchBackend>>

/** Keys of one kind, and the service over them. */
interface Setting {
  readonly keys: string
  readonly raw: RawKeys
  readonly deployment: Omit<DeploymentOptions, 'callers'>
}

/** What the service makes RSA keys with. */
const RSA_BITS = 3072

/** The settings that are measured. */
async function createSettings({ openKey, places }: BenchToken): Promise<readonly Setting[]> {
  const file = { ES256: openFileKey('ES256'), RS256: openFileKey('RS256', RSA_BITS) }
  const token = { ES256: await openKey('ES256'), RS256: await openKey('RS256', RSA_BITS) }
  return [1, 2].flatMap((processes, at) => [
    { keys: 'file', raw: file, deployment: { processes } },
    { keys: 'SoftHSM', raw: token, deployment: { processes, ...places[at] } },
  ])
}

/** Rates by keys, processes and work. */
export async function measureThroughput(pace: ServicePace, cores?: Cores): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const token = resources.use(await createBenchToken())
  const callers = resources.use(await startCallers())
  const identities = await callers.tokens(TOKENS_WANTED)
  const rows: Row[] = []
  const which = describeCores(cores)
  for (const setting of await createSettings(token)) {
    const { keys, deployment: options } = setting
    await using deployment = await startDeployment({ ...options, callers, cores })
    const measured = await measureSetting(setting, deployment, { identities, pace })
    rows.push(
      ...measured.map((row) => ({ keys, processes: options.processes, cores: which, ...row })),
    )
  }
  return { name: 'service', title: 'The service, over HTTP', rows, goals: [] }
}

async function measureSetting(
  { raw }: Setting,
  deployment: Deployment,
  { identities, pace }: { readonly identities: readonly string[]; readonly pace: ServicePace },
): Promise<readonly Row[]> {
  const contests = WORKLOADS.map((workload) => toContest(workload, deployment, identities))
  await using resources = new AsyncDisposableStack()
  const bareLoads = await startBare(contests, deployment, resources)
  for (const { load } of contests) await applyLoad(load, pace.seconds)
  const short = Math.max(1, Math.floor(pace.seconds / 3))
  for (let round = 0; round < pace.rounds; round += 1) {
    const rawRates = {
      ES256: await rawRate(raw.ES256, short),
      RS256: await rawRate(raw.RS256, short),
    }
    for (const [place, { load, rates, workload }] of contests.entries()) {
      rates.raw.push(rawRates[workload.algorithm])
      rates.service.push((await applyLoad(load, pace.seconds)).requestsPerSecond)
      const bareLoad = bareLoads[place]
      if (bareLoad === undefined) continue
      rates.bare.push((await applyLoad(bareLoad, short)).requestsPerSecond)
    }
  }
  return contests.map(toMeasured)
}

interface Contest {
  readonly workload: Workload
  readonly load: Load
  /** Round by round: requests per second, and signatures per second of the backend alone. */
  readonly rates: Readonly<Record<'service' | 'bare' | 'raw', number[]>>
}

/** Puts the requests of a workload into a file of the deployment. */
export function toLoad(
  workload: Workload,
  { addresses, cores, folder }: Pick<Deployment, 'addresses' | 'cores' | 'folder'>,
  identities: readonly string[],
): Load {
  const path = join(folder, `${workload.name.replaceAll(/\W/g, '-')}.requests`)
  const requestsPath = writeRequests(path, toRequests(workload, identities))
  const connections = workload.connections * addresses.length
  return { addresses, requestsPath, connections, cores: cores?.client }
}

function toContest(
  workload: Workload,
  deployment: Deployment,
  identities: readonly string[],
): Contest {
  const load = toLoad(workload, deployment, identities)
  return { workload, load, rates: { service: [], bare: [], raw: [] } }
}

/** Fastify alone, with a route for each workload: the same requests, answers of the same size. */
async function startBare(
  contests: readonly Contest[],
  { cores, folder }: Deployment,
  resources: AsyncDisposableStack,
): Promise<readonly Load[]> {
  const routes = await Promise.all(
    contests.map(async ({ load }, place) => {
      const answer = await answerOf(load)
      return { method: 'POST' as const, path: `/${place}`, ...answer }
    }),
  )
  const { address } = resources.use(await startBareServer(routes, folder, cores?.server))
  return contests.map(({ workload }, place) => {
    const bare = { ...workload, name: `bare ${workload.name}`, path: `/${place}` }
    return toLoad(bare, { addresses: [address], cores, folder }, ['none'])
  })
}

const MESSAGE = ARTIFACT.subarray(0, 300)

/** Signatures per second, with as many under way as the backend takes. */
async function rawRate({ signRaw, width }: BenchBackend, seconds: number): Promise<number> {
  const start = performance.now()
  const batch = inFlight(width, () => signRaw(MESSAGE))
  let done = 0
  while (performance.now() - start < seconds * 1000) {
    await batch(100)
    done += 100
  }
  return done / ((performance.now() - start) / 1000)
}

function toMeasured({ workload, rates }: Contest): Row {
  const { items, name, signatures } = workload
  const signed = rates.service.map((rate) => rate * signatures)
  const share = medianRatio(signed, rates.raw)
  return {
    work: name,
    'tokens or bundles/s': Math.round(median(rates.service) * items),
    'signatures/s': Math.round(median(signed)),
    'raw/s': Math.round(median(rates.raw)),
    'signatures / raw': share,
    'requests/s': Math.round(median(rates.service)),
    'bare fastify/s': Math.round(median(rates.bare)),
    'requests / bare': medianRatio(rates.service, rates.bare),
  }
}
