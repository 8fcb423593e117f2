/** Resident memory while the service works: what it keeps must not grow with what it did. */
import { join } from 'node:path'
import { createGoal, type Row, type Section } from '../report.ts'
import { startCallers } from './callers.ts'
import { startDeployment } from './deployment.ts'
import { applyLoad } from './load.ts'
import { writeRequests } from './request-lines.ts'
import { residentMiB } from './server-process.ts'
import { STAMPED_IMAGES, TOKENS, TOKENS_WANTED, toRequests } from './workloads.ts'

const CONNECTIONS = 32
const SAMPLES = 10

/** Memory of one process on SQLite at ten moments of so many seconds of full load; every caller is new. */
export async function measureMemory(seconds: number): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const callers = resources.use(await startCallers())
  const deployment = resources.use(await startDeployment({ processes: 1, callers }))
  const identities = await callers.tokens(TOKENS_WANTED)
  const requests = [TOKENS, STAMPED_IMAGES].flatMap((workload) =>
    toRequests({ ...workload, hasNewCallers: true }, identities),
  )
  const path = join(deployment.folder, 'memory.requests')
  const load = {
    addresses: deployment.addresses,
    requestsPath: writeRequests(path, requests),
    connections: CONNECTIONS,
  }
  const [server = { pid: 0 }] = deployment.processes
  const turn = seconds / SAMPLES
  const rows: Row[] = []
  const sizes: number[] = []
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    const { requestsPerSecond } = await applyLoad(load, turn)
    sizes.push(residentMiB(server))
    rows.push({
      'after min': (sample * turn) / 60,
      'resident MiB': Math.round(residentMiB(server)),
      'requests/s': Math.round(requestsPerSecond),
    })
  }
  // The first fifth fills caches and heaps.
  const [before = 0, ...settled] = sizes.slice(1)
  const perMinute = slope([before, ...settled]) / (turn / 60)
  rows.push({
    'after min': 'slope',
    'resident MiB': `${perMinute.toFixed(2)} a minute`,
    'requests/s': '',
  })
  const grown = (sizes.at(-1) ?? Number.NaN) / before
  const what = 'service, memory at the end, share of that after a fifth'
  return {
    name: 'service-memory',
    title: `Memory of the service, ${seconds} s of full load`,
    rows,
    goals: [
      createGoal(what, grown, { atMost: 1.1 }),
      createGoal('service, resident MiB at full load', Math.max(...sizes), { atMost: 300 }),
    ],
  }
}

/** Least squares: growth from one sample to the next. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const covariance = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  const variance = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
  return covariance / variance
}
