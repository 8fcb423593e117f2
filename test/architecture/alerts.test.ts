/** What deploy/ says of metrics, held against the metrics that there are. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../src/service/metrics/definitions.ts'
import { PROJECT, readProjectFile } from '../support/project.ts'

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: { readonly severity?: string }
  readonly annotations?: { readonly summary?: string; readonly runbook?: string }
}

const { groups } = parse(readProjectFile('deploy/prometheus/countersign.rules.yml')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)

const DEFINED = [
  ...Object.values({ ...COUNTERS, ...GAUGES }).map(({ name }) => name),
  ...Object.values(HISTOGRAMS).flatMap(({ name }) =>
    ['bucket', 'count', 'sum'].map((part) => `${name}_${part}`),
  ),
]

test.each(['deploy/prometheus/countersign.rules.yml', 'deploy/grafana/countersign.json'])(
  '%s names metrics that exist, and no others',
  (path) => {
    const named = readProjectFile(path).match(/\bcountersign_[a-z_]+/g) ?? []

    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((name) => !DEFINED.includes(name))).toEqual([])
  },
)

test.each(alerts)('$alert has a severity, a sentence and a runbook that exists', (rule) => {
  const { annotations: { runbook = '', summary = '' } = {}, labels } = rule
  const [path = '', heading] = runbook.split('#')

  expect(['page', 'ticket']).toContain(labels?.severity)
  expect(summary).toMatch(/\S+ \S+/)
  expect(existsSync(join(PROJECT, path)), runbook).toBe(true)
  if (heading === undefined) return
  const headings = [...readProjectFile(path).matchAll(/^## (.*)$/gm)].map(([, text = '']) =>
    text.toLowerCase().replaceAll(' ', '-'),
  )
  expect(headings).toContain(heading)
})

test('every alert has a unit test in which it fires', () => {
  const text = readProjectFile('deploy/prometheus/countersign.rules.test.yml')
  const { tests } = parse(text) as {
    readonly tests: readonly {
      readonly alert_rule_test: readonly {
        readonly alertname: string
        readonly exp_alerts?: readonly object[]
      }[]
    }[]
  }
  const firing = tests
    .flatMap(({ alert_rule_test: cases }) => cases)
    .filter(({ exp_alerts: expected = [] }) => expected.length > 0)

  expect(new Set(firing.map(({ alertname }) => alertname))).toEqual(
    new Set(alerts.map(({ alert }) => alert)),
  )
})
