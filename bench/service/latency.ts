/** How long answers take when the service is busy, and when it is half as busy. */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { createBenchToken } from '../backends/pkcs11.ts'
import { createGoal, type Goal, type Row, type Section } from '../report.ts'
import { startCallers } from './callers.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { applyLoad } from './load.ts'
import type { OpenLoop, OpenLoopResult } from './open-loop.ts'
import { toLoad } from './throughput.ts'
import {
  IMAGE_BATCHES,
  IMAGES,
  MERKLE_BATCHES,
  STAMPED_IMAGES,
  TOKENS,
  TOKENS_WANTED,
  type Workload,
} from './workloads.ts'

const GENERATOR = resolve(import.meta.dirname, 'open-loop.ts')
const run = promisify(execFile)

/** Latency of one process on SQLite, for so many seconds at full and at half load each. */
export async function measureLatency(seconds: number): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const token = resources.use(await createBenchToken())
  const callers = resources.use(await startCallers())
  const identities = await callers.tokens(TOKENS_WANTED)
  const rows: Row[] = []
  const goals: Goal[] = []
  const places = { file: {}, SoftHSM: { ...token.places[0] } }
  for (const [keys, place] of Object.entries(places)) {
    await using deployment = await startDeployment({ ...place, processes: 1, callers })
    for (const workload of [TOKENS, IMAGES, STAMPED_IMAGES, IMAGE_BATCHES, MERKLE_BATCHES]) {
      const { full, half } = await measureWorkload(workload, deployment, { identities, seconds })
      rows.push({ keys, work: workload.name, load: 'full', ...full })
      rows.push({ keys, work: workload.name, load: 'half', ...half })
      const what = `service, p99 ms at half load: ${keys}, ${workload.name}`
      goals.push(createGoal(what, half['p99 ms'], { atMost: 50 }))
    }
  }
  return { name: 'service-latency', title: 'Latency of the service, one process', rows, goals }
}

interface Latency extends Row {
  readonly 'requests/s': number
  readonly 'p50 ms': number
  readonly 'p95 ms': number
  readonly 'p99 ms': number
}

async function measureWorkload(
  workload: Workload,
  deployment: Deployment,
  { identities, seconds }: { readonly identities: readonly string[]; readonly seconds: number },
): Promise<{ readonly full: Latency; readonly half: Latency }> {
  const load = toLoad(workload, deployment, identities)
  await applyLoad(load, Math.ceil(seconds / 4))
  const full = await applyLoad(load, seconds)
  const { addresses, requestsPath } = load
  const requestsPerSecond = full.requestsPerSecond / 2
  const half = await runOpenLoop({ addresses, requestsPath, requestsPerSecond, seconds })
  return {
    full: toRow(full.requestsPerSecond, full),
    half: toRow(half.sent / seconds, half),
  }
}

async function runOpenLoop(load: OpenLoop): Promise<OpenLoopResult> {
  const { stdout } = await run(process.execPath, [GENERATOR, JSON.stringify(load)])
  const result = JSON.parse(stdout) as OpenLoopResult
  if (result.failures > 0) throw new Error(`${result.failures} requests failed at half load`)
  return result
}

function toRow(
  requestsPerSecond: number,
  { p50Ms, p95Ms, p99Ms }: Pick<OpenLoopResult, 'p50Ms' | 'p95Ms' | 'p99Ms'>,
): Latency {
  return {
    'requests/s': Math.round(requestsPerSecond),
    'p50 ms': p50Ms,
    'p95 ms': p95Ms,
    'p99 ms': p99Ms,
  }
}
