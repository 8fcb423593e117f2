/**
 * Every metric of the service: its name, labels and meaning. docs/metrics.md is generated from this table. Names and
 * labels are an interface, since alerts and dashboards are written with them. Every label has few values, all known
 * from the configuration or from tables of ours: nothing that a request says becomes one.
 *
 * @packageDocumentation
 */

/** One metric. */
export interface MetricDefinition {
  readonly name: string
  readonly labels: readonly string[]
  readonly help: string
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[]
}

/** From a published page to the deadline of a request. */
const REQUEST_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const
/** Bounds of rotation.md: a second. */
const REVOCATION_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60] as const

/** What counters are called in code. */
export type CounterName = 'requests' | 'problems' | 'denials' | 'backendErrors' | 'failures'

/** What gauges are called in code. */
export type GaugeName =
  | 'requestsInFlight'
  | 'queueRunning'
  | 'queueWaiting'
  | 'keySigns'
  | 'keyVersions'
  | 'keyStandby'
  | 'keyActivated'
  | 'keyRotation'
  | 'keyringAge'
  | 'historySequence'
  | 'historyIssued'
  | 'historyExpires'
  | 'logSize'
  | 'checkpointSize'
  | 'checkOk'

/** What histograms are called in code. */
export type HistogramName =
  'requestSeconds' | 'backendSeconds' | 'revocationSeconds' | 'appendSeconds'

/** What only grows. */
export const COUNTERS: Readonly<Record<CounterName, MetricDefinition>> = {
  requests: {
    name: 'countersign_http_requests_total',
    labels: ['operation', 'status'],
    help: 'Requests that were answered or left, by operation of the API (`none`: no such address) and HTTP status.',
  },
  problems: {
    name: 'countersign_http_problems_total',
    labels: ['operation', 'code'],
    help: 'Requests that were refused or failed, by error code: ERR_OVERLOADED and ERR_THROTTLED are refusals for load, ERR_NOT_ALLOWED denials.',
  },
  denials: {
    name: 'countersign_denials_total',
    labels: ['action', 'key'],
    help: 'Requests that the policies denied, by action of Cedar and key (empty: the request is about no single key).',
  },
  backendErrors: {
    name: 'countersign_backend_errors_total',
    labels: ['key', 'provider', 'code', 'cause'],
    help: 'Calls to the backend of a key that failed, by error code and by cause, a row of docs/doctor.md (empty: none is known).',
  },
  failures: {
    name: 'countersign_background_failures_total',
    labels: ['code'],
    help: 'What failed beside requests (rotation, publication, renewal, checkpoints), by error code; each has a line in the log of the process.',
  },
}

/** What is as it is when the metrics are read. */
export const GAUGES: Readonly<Record<GaugeName, MetricDefinition>> = {
  requestsInFlight: {
    name: 'countersign_http_requests_in_flight',
    labels: [],
    help: 'Requests that are not answered yet.',
  },
  queueRunning: {
    name: 'countersign_queue_running',
    labels: ['group'],
    help: 'Requests that have a place (`serve.maxConcurrent`), of `callers` and of `others`, who have no permission.',
  },
  queueWaiting: {
    name: 'countersign_queue_waiting',
    labels: ['group'],
    help: 'Requests that wait for a place (`serve.maxQueue`).',
  },
  keySigns: {
    name: 'countersign_key_signs',
    labels: ['key'],
    help: '1: the newest call to sign succeeded. 0: the key does not sign now.',
  },
  keyVersions: {
    name: 'countersign_key_versions',
    labels: ['key', 'state'],
    help: 'Versions of a key, by state.',
  },
  keyStandby: {
    name: 'countersign_key_standby_ready',
    labels: ['key'],
    help: '1: a published standby may sign at once. 0: no version does, or verifiers may not know it yet.',
  },
  keyActivated: {
    name: 'countersign_key_active_since_timestamp_seconds',
    labels: ['key'],
    help: 'When the active version was activated.',
  },
  keyRotation: {
    name: 'countersign_key_rotation_due_timestamp_seconds',
    labels: ['key'],
    help: 'When the next rotation is due; keys with a period (`rotation.every`) alone.',
  },
  keyringAge: {
    name: 'countersign_keyring_age_seconds',
    labels: [],
    help: 'How long ago the states of keys were last read from the store.',
  },
  historySequence: {
    name: 'countersign_key_history_sequence',
    labels: [],
    help: 'Number of the published key history.',
  },
  historyIssued: {
    name: 'countersign_key_history_issued_timestamp_seconds',
    labels: [],
    help: 'When the published key history was signed.',
  },
  historyExpires: {
    name: 'countersign_key_history_expires_timestamp_seconds',
    labels: [],
    help: 'When clients that are online refuse the published key history.',
  },
  logSize: {
    name: 'countersign_log_size',
    labels: ['log'],
    help: 'Entries of the `transparency` log and of the `audit` log.',
  },
  checkpointSize: {
    name: 'countersign_log_checkpoint_size',
    labels: ['log'],
    help: 'Entries that the published checkpoint covers; where it stays behind the size, no checkpoint is signed.',
  },
  checkOk: {
    name: 'countersign_check_ok',
    labels: ['check'],
    help: '1: a check of /readyz passes (store, logs, key states, key history, anchor, witnesses, clock, approvals). 0: it fails. Keys have countersign_key_signs.',
  },
}

/** What is measured. */
export const HISTOGRAMS: Readonly<Record<HistogramName, MetricDefinition>> = {
  requestSeconds: {
    name: 'countersign_http_request_duration_seconds',
    labels: ['operation'],
    help: 'From the headers of a request to the end of its answer.',
    buckets: REQUEST_SECONDS,
  },
  backendSeconds: {
    name: 'countersign_backend_call_duration_seconds',
    labels: ['key', 'provider', 'outcome'],
    help: 'Calls to the backend of a key, with their repetitions: `signed`, `opened` or `failed`.',
    buckets: REQUEST_SECONDS,
  },
  revocationSeconds: {
    name: 'countersign_revocation_seen_seconds',
    labels: [],
    help: 'From the revocation of a version until this process stopped to sign with it and publish it.',
    buckets: REVOCATION_SECONDS,
  },
  appendSeconds: {
    name: 'countersign_log_append_duration_seconds',
    labels: ['outcome'],
    help: 'From an entry to its durable commit to both logs: `appended`, or `failed`, which keeps its signature from being released.',
    buckets: REQUEST_SECONDS,
  },
}
