/** The JWKS, beside fastify and nginx that send the same bytes with the same headers from memory and disk. */
import { median, medianRatio } from '../rates.ts'
import { createGoal, type Section } from '../report.ts'
import { answerOf, startBareServer } from './bare.ts'
import { startCallers } from './callers.ts'
import { startDeployment } from './deployment.ts'
import { applyLoad, type LoadResult } from './load.ts'
import { writeRequests } from './request-lines.ts'
import { isNginxInstalled, startNginx } from './nginx.ts'
import type { ServicePace } from './throughput.ts'

const PATH = '/.well-known/jwks.json'
const CONNECTIONS = 32
const OURS = 'countersign'
const BARE = 'bare fastify'

/** Requests per second and latency of one process each. */
export async function measurePublishedKeys({ rounds, seconds }: ServicePace): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const callers = resources.use(await startCallers())
  const deployment = resources.use(await startDeployment({ processes: 1, callers }))
  const { addresses, folder } = deployment
  const requestsPath = writeRequests(`${folder}/jwks.requests`, [{ method: 'GET', path: PATH }])
  const answer = await answerOf({ addresses, requestsPath, connections: 1 })
  const bare = resources.use(
    await startBareServer([{ method: 'GET', path: PATH, ...answer }], folder),
  )
  const servers = [
    { server: OURS, address: addresses[0] ?? '', results: [] as LoadResult[] },
    { server: BARE, address: bare.address, results: [] as LoadResult[] },
  ]
  if (isNginxInstalled()) {
    const nginx = resources.use(await startNginx({ path: PATH, ...answer }, folder))
    servers.push({ server: 'nginx, one worker', address: nginx.address, results: [] })
  }
  const load = (address: string): Promise<LoadResult> =>
    applyLoad({ addresses: [address], requestsPath, connections: CONNECTIONS }, seconds)
  for (const { address } of servers) await load(address)
  for (let round = 0; round < rounds; round += 1) {
    for (const { address, results } of round % 2 === 0 ? servers : servers.toReversed()) {
      results.push(await load(address))
    }
  }
  const ratesOf = (wanted: string): readonly number[] =>
    servers
      .filter(({ server }) => server === wanted)
      .flatMap(({ results }) => results.map(({ requestsPerSecond }) => requestsPerSecond))
  const rows = servers.map(({ server, results }) => ({
    server,
    'requests/s': Math.round(median(ratesOf(server))),
    'of bare fastify': medianRatio(ratesOf(server), ratesOf(BARE)),
    'p50 ms': median(results.map(({ p50Ms }) => p50Ms)),
    'p95 ms': median(results.map(({ p95Ms }) => p95Ms)),
    'p99 ms': median(results.map(({ p99Ms }) => p99Ms)),
  }))
  const share = medianRatio(ratesOf(OURS), ratesOf(BARE))
  const goals = [createGoal('JWKS, share of bare fastify', share, { atLeast: 0.95 })]
  return { name: 'service-jwks', title: 'JWKS over HTTP', rows, goals }
}
