import {
  COUNTERS,
  GAUGES,
  HISTOGRAMS,
  type MetricDefinition,
} from '../../src/service/metrics/definitions.ts'
import type { GeneratedFile } from './generated-file.ts'

/** docs/metrics.md: prose by people, and a table of the metrics of each type. */
export const metricsPage: GeneratedFile = { path: 'docs/metrics.md', render: renderMetricsPage }

const SECTIONS: Readonly<Record<string, Readonly<Record<string, MetricDefinition>>>> = {
  '## Counters': COUNTERS,
  '## Gauges': GAUGES,
  '## Histograms': HISTOGRAMS,
}

/** Rewrites what follows the headings of the sections, up to the next heading of their level. */
function renderMetricsPage(current: string): string {
  return current
    .split(/^(?=## )/m)
    .map((section) => {
      const [heading = ''] = section.split('\n')
      const metrics = SECTIONS[heading]
      return metrics === undefined ? section : `${heading}\n\n${renderTable(metrics)}\n`
    })
    .join('')
}

function renderTable(metrics: Readonly<Record<string, MetricDefinition>>): string {
  const rows = Object.values(metrics).map(({ help, labels, name }) => {
    const listed = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${listed} | ${help} |`
  })
  return ['| name | labels | what |', '| --- | --- | --- |', ...rows, ''].join('\n')
}
