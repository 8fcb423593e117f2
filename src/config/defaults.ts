/** What holds where nothing else is said; the schema and its documentation take their defaults from here. */

/** The algorithm of a key that names none. */
export function defaultAlgorithm(use: unknown): 'ES256' | 'EdDSA' {
  return use === 'log' || use === 'audit' ? DEFAULTS.logAlgorithm : DEFAULTS.algorithm
}

/** Values in the form of the file. */
export const DEFAULTS = {
  store: 'sqlite:countersign.db',
  storeConnections: 10,
  algorithm: 'ES256',
  /** What signed notes are signed with, so that any reader of such logs can check ours. */
  logAlgorithm: 'EdDSA',
  referrersMode: 'auto',
  listen: '127.0.0.1:8080',
  maxBodyBytes: 20_971_520,
  requestTimeout: '30s',
  bodyTimeout: '10s',
  rateLimit: 600,
  anonymousTimestamps: 3600,
  maxConcurrent: 64,
  maxQueue: 256,
  drainTimeout: '30s',
  ready: 'any',
  checkpointEvery: '1s',
  publicLog: true,
  approvalLifetime: '1d',
  keyHistoryExpires: '1d',
  keyHistoryOfflineUntil: '30d',
  timestamps: 'embedded',
} as const
