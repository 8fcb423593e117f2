import type { GeneratedFile } from './generated-file.ts'

/** deploy/grafana/countersign.json: rows of panels, each with its queries. */
export const dashboard: GeneratedFile = {
  path: 'deploy/grafana/countersign.json',
  render: () => JSON.stringify(renderDashboard()),
}

/** One line of a panel: a query, and what its series are called. */
interface Line {
  readonly expr: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly description: string
  /** As Grafana names units. */
  readonly unit: string
  readonly lines: readonly Line[]
}

const SIGNING = 'operation=~"signArtifacts|attestSubjects|signBatch|issueToken"'
const quantile = (q: number, name: string, by: string, match = ''): string =>
  `histogram_quantile(${q}, sum by (le${by}) (rate(${name}_bucket{${match}}[$__rate_interval])))`
const REQUEST = 'countersign_http_request_duration_seconds'
const BACKEND = 'countersign_backend_call_duration_seconds'
const APPEND = 'countersign_log_append_duration_seconds'

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  Requests: [
    {
      title: 'Requests',
      description: 'By operation and status.',
      unit: 'reqps',
      lines: [
        {
          expr: 'sum by (operation, status) (rate(countersign_http_requests_total[$__rate_interval]))',
          legend: '{{operation}} {{status}}',
        },
      ],
    },
    {
      title: 'Latency of signing',
      description: 'Objectives: p95 50 ms, p99 250 ms.',
      unit: 's',
      lines: [0.5, 0.95, 0.99].map((q) => ({
        expr: quantile(q, REQUEST, '', SIGNING),
        legend: `p${q * 100}`,
      })),
    },
    {
      title: 'Failing share of signing requests',
      description: 'Objective: 0.05 % in a month.',
      unit: 'percentunit',
      lines: [
        {
          // Before the first failure there is no series of failures.
          expr: `(sum(rate(countersign_http_requests_total{${SIGNING},status=~"5.."}[$__rate_interval])) or vector(0)) / sum(rate(countersign_http_requests_total{${SIGNING}}[$__rate_interval]))`,
          legend: 'failing',
        },
      ],
    },
    {
      title: 'Refused and failed, by code',
      description: 'docs/errors.md explains each code.',
      unit: 'reqps',
      lines: [
        {
          expr: 'sum by (code) (rate(countersign_http_problems_total[$__rate_interval]))',
          legend: '{{code}}',
        },
        {
          expr: 'sum by (action, key) (rate(countersign_denials_total[$__rate_interval]))',
          legend: 'denied {{action}} {{key}}',
        },
      ],
    },
    {
      title: 'Places and queue',
      description: 'serve.maxConcurrent and serve.maxQueue bound them.',
      unit: 'short',
      lines: [
        { expr: 'countersign_queue_running', legend: '{{instance}} {{group}} running' },
        { expr: 'countersign_queue_waiting', legend: '{{instance}} {{group}} waiting' },
      ],
    },
  ],
  Keys: [
    {
      title: 'Keys that sign',
      description: '0: the newest call failed.',
      unit: 'bool_yes_no',
      lines: [{ expr: 'min by (key) (countersign_key_signs)', legend: '{{key}}' }],
    },
    {
      title: 'Calls to backends, p95',
      description: 'With their repetitions.',
      unit: 's',
      lines: [
        {
          expr: quantile(0.95, BACKEND, ', key, provider', 'outcome="signed"'),
          legend: '{{key}} {{provider}}',
        },
      ],
    },
    {
      title: 'Errors of backends, by cause',
      description: 'docs/doctor.md has what fixes each cause.',
      unit: 'cps',
      lines: [
        {
          expr: 'sum by (key, code, cause) (rate(countersign_backend_errors_total[$__rate_interval]))',
          legend: '{{key}} {{code}} {{cause}}',
        },
      ],
    },
    {
      title: 'Until the next rotation',
      description: 'Below 0: late.',
      unit: 's',
      lines: [
        {
          expr: 'min by (key) (countersign_key_rotation_due_timestamp_seconds) - time()',
          legend: '{{key}}',
        },
      ],
    },
    {
      title: 'Standby ready',
      description: 'Whether another version may sign at once.',
      unit: 'bool_yes_no',
      lines: [{ expr: 'min by (key) (countersign_key_standby_ready)', legend: '{{key}}' }],
    },
    {
      title: 'Until the key history expires',
      description: 'It is renewed at half of its time.',
      unit: 's',
      lines: [
        {
          expr: 'min(countersign_key_history_expires_timestamp_seconds) - time()',
          legend: 'key history',
        },
      ],
    },
  ],
  'Logs and process': [
    {
      title: 'Entries',
      description: 'A checkpoint that stays behind its log is not signed.',
      unit: 'short',
      lines: [
        { expr: 'max by (log) (countersign_log_size)', legend: '{{log}}' },
        {
          expr: 'max by (log) (countersign_log_checkpoint_size)',
          legend: '{{log}}, checkpoint',
        },
      ],
    },
    {
      title: 'Writing an entry',
      description: 'Until its commit is durable.',
      unit: 's',
      lines: [0.5, 0.99].map((q) => ({
        expr: quantile(q, APPEND, ', outcome'),
        legend: `p${q * 100} {{outcome}}`,
      })),
    },
    {
      title: 'Checks of /readyz',
      description: '0: it fails.',
      unit: 'bool_yes_no',
      lines: [{ expr: 'min by (check) (countersign_check_ok)', legend: '{{check}}' }],
    },
    {
      title: 'Processor and event loop',
      description: 'Cores in use, and how long the event loop is held.',
      unit: 'short',
      lines: [
        {
          expr: 'rate(process_cpu_seconds_total{job="countersign"}[$__rate_interval])',
          legend: '{{instance}} cores',
        },
        {
          expr: 'nodejs_eventloop_lag_p99_seconds{job="countersign"}',
          legend: '{{instance}} loop p99, s',
        },
      ],
    },
    {
      title: 'Memory',
      description: 'Resident set.',
      unit: 'bytes',
      lines: [{ expr: 'process_resident_memory_bytes{job="countersign"}', legend: '{{instance}}' }],
    },
  ],
}

const WIDTH = 8
const HEIGHT = 8
const COLUMNS = 24

const SOURCE = { type: 'prometheus', uid: '${source}' }

function renderDashboard(): object {
  let y = 0
  let id = 0
  const panels: object[] = []
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({ id: (id += 1), type: 'row', title, gridPos: { x: 0, y, w: COLUMNS, h: 1 } })
    y += 1
    for (const [place, panel] of row.entries()) {
      const x = (place * WIDTH) % COLUMNS
      const below = Math.floor((place * WIDTH) / COLUMNS) * HEIGHT
      panels.push(renderPanel(panel, (id += 1), { x, y: y + below, w: WIDTH, h: HEIGHT }))
    }
    y += Math.ceil((row.length * WIDTH) / COLUMNS) * HEIGHT
  }
  return {
    title: 'countersign',
    uid: 'countersign',
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    tags: ['countersign'],
    templating: {
      list: [{ name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' }],
    },
    panels,
  }
}

function renderPanel(
  { description, lines, title, unit }: Panel,
  id: number,
  gridPos: object,
): object {
  return {
    id,
    type: 'timeseries',
    title,
    description,
    datasource: SOURCE,
    gridPos,
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: lines.map(({ expr, legend }, place) => ({
      refId: String.fromCodePoint(65 + place),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
    })),
  }
}
