/** The metrics as things that count, over prom-client; a service has a registry of its own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client'
import {
  type CounterName,
  COUNTERS,
  type GaugeName,
  GAUGES,
  type HistogramName,
  HISTOGRAMS,
  type MetricDefinition,
} from './definitions.ts'

/** The instruments by name, each of its type. */
export type Instruments = Readonly<
  Record<CounterName, Counter> & Record<GaugeName, Gauge> & Record<HistogramName, Histogram>
>

/** Makes the instruments of a registry, and those of the process: processor time, memory, event loop, collections. */
export function createInstruments(registry: Registry): Instruments {
  collectDefaultMetrics({ register: registry })
  const settings = ({ help, labels, name }: MetricDefinition): Settings => ({
    ...{ name, help, labelNames: [...labels], registers: [registry] },
  })
  return {
    ...mapValues(COUNTERS, (one) => new Counter(settings(one))),
    ...mapValues(GAUGES, (one) => new Gauge(settings(one))),
    ...mapValues(
      HISTOGRAMS,
      (one) => new Histogram({ ...settings(one), buckets: [...(one.buckets ?? [])] }),
    ),
  }
}

interface Settings {
  readonly name: string
  readonly help: string
  readonly labelNames: string[]
  readonly registers: Registry[]
}

function mapValues<N extends string, T>(
  definitions: Readonly<Record<N, MetricDefinition>>,
  make: (definition: MetricDefinition) => T,
): Record<N, T> {
  const entries = Object.entries<MetricDefinition>(definitions)
  return Object.fromEntries(entries.map(([name, one]) => [name, make(one)])) as Record<N, T>
}
