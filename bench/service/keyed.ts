/** What an Idempotency-Key costs: the same requests with and without it, in turns, on both stores. */
import { median, medianRatio } from '../rates.ts'
import { createGoal, type Goal, type Row, type Section } from '../report.ts'
import { checkLoad, checkOurs } from './answers.ts'
import { startCallers } from './callers.ts'
import { type Cores, describeCores } from './cores.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { applyLoad, type Load } from './load.ts'
import { type ServicePace, toLoad } from './throughput.ts'
import { IMAGE_BATCHES, IMAGES, type Workload } from './workloads.ts'

const STORES = { SQLite: 1, PostgreSQL: 2 } as const

/** Rates with and without the header: one process on SQLite, two on PostgreSQL. */
export async function measureKeyed(pace: ServicePace, cores?: Cores): Promise<Section> {
  await using callers = await startCallers()
  const identities = await callers.tokens(1)
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const [store, processes] of Object.entries(STORES)) {
    await using deployment = await startDeployment({ processes, callers, cores })
    for (const workload of [IMAGES, IMAGE_BATCHES]) {
      console.error(`measuring service-idempotency: ${store}, ${workload.name}`)
      const { keyed, without } = await compete(workload, deployment, { identities, pace })
      const share = medianRatio(keyed, without)
      rows.push({
        store,
        processes,
        cores: describeCores(cores),
        work: workload.name,
        'with the header/s': Math.round(median(keyed)),
        'without/s': Math.round(median(without)),
        'with / without': share,
      })
      const what = `service, share with an Idempotency-Key: ${store}, ${workload.name}`
      goals.push(createGoal(what, share, { atLeast: 0.9 }))
    }
  }
  return { name: 'service-idempotency', title: 'What an Idempotency-Key costs', rows, goals }
}

interface Rates {
  readonly keyed: readonly number[]
  readonly without: readonly number[]
}

async function compete(
  workload: Workload,
  deployment: Deployment,
  { identities, pace }: { readonly identities: readonly string[]; readonly pace: ServicePace },
): Promise<Rates> {
  const bare = { ...workload, name: `${workload.name}, no header`, isKeyed: false }
  const prepare = (one: Workload): Promise<Load> =>
    checkLoad(toLoad(one, deployment, identities), checkOurs)
  const sides = [
    { load: await prepare(workload), rates: [] as number[] },
    { load: await prepare(bare), rates: [] as number[] },
  ]
  for (const { load } of sides) await applyLoad(load, 1)
  for (let round = 0; round < pace.rounds; round += 1) {
    for (const { load, rates } of round % 2 === 0 ? sides : sides.toReversed())
      rates.push((await applyLoad(load, pace.seconds)).requestsPerSecond * workload.items)
  }
  const [keyed = [], without = []] = sides.map(({ rates }) => rates)
  return { keyed, without }
}
