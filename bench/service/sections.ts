/** The sections about the service; without wrk each says what it is missing. */
import type { Section } from '../report.ts'
import { measureBesideOpenBao, measureOnOneCore } from './beside-openbao.ts'
import type { Cores } from './cores.ts'
import { measureKeyed } from './keyed.ts'
import { measureLatency } from './latency.ts'
import { isWrkInstalled } from './load.ts'
import { measureMemory } from './memory.ts'
import { measureOverload } from './overload.ts'
import { measurePublishedKeys } from './published-keys.ts'
import { measureThroughput } from './throughput.ts'

type Measurements = Readonly<Record<string, () => Promise<Section>>>

/** The measurements by name; with cores, those of throughput keep servers and clients to them. */
export function serviceMeasurements(isQuick: boolean, cores: Cores | undefined): Measurements {
  const pace = isQuick ? { rounds: 1, seconds: 2 } : { rounds: 3, seconds: 3 }
  const measurements: Measurements = {
    service: () => measureThroughput(pace, cores),
    'service-openbao': () => measureBesideOpenBao(pace, cores),
    'service-core': () => measureOnOneCore(pace, cores),
    'service-idempotency': () => measureKeyed(pace, cores),
    'service-jwks': () => measurePublishedKeys({ ...pace, rounds: pace.rounds * 2 }),
    'service-latency': () => measureLatency(isQuick ? 5 : 20),
    'service-memory': () => measureMemory(isQuick ? 30 : 600),
  }
  const skip = (name: string): [string, () => Promise<Section>] => [
    name,
    () => Promise.resolve(skipped(name)),
  ]
  return {
    ...(isWrkInstalled() ? measurements : Object.fromEntries(Object.keys(measurements).map(skip))),
    'service-overload': () => measureOverload(isQuick ? 5 : 20),
  }
}

function skipped(name: string): Section {
  const missing = 'wrk is not installed: apt-get install wrk'
  return { name, title: `Not measured: ${name}`, rows: [{ missing }], goals: [] }
}
