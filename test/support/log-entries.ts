/** Entries for tests of the log. */
import fc from 'fast-check'
import { KEY_USES } from '../../src/keys/key.ts'
import { LOG_ROLES } from '../../src/log/log-roles.ts'
import type {
  ApprovalEntry,
  ClockEntry,
  DenialEntry,
  KeyRulesEntry,
  LogEntry,
  LogNamesEntry,
  RestoreEntry,
  RulesEntry,
  SignatureEntry,
  StateEntry,
  TimestampEntry,
  TokenEntry,
} from '../../src/log/entry.ts'

/** The time of the first entry; later ones follow each a second after the other. */
export const LOG_START: Date = new Date('2026-11-22T10:00:00.000Z')

const timeOf = (index: number): Date => new Date(LOG_START.getTime() + index * 1000)

/** A signature over an artifact of its own. */
export function signatureEntry(index: number, kid = 'kid-1'): SignatureEntry {
  const hex = index.toString(16).padStart(64, '0')
  return {
    type: 'signature',
    time: timeOf(index),
    requestId: `request-${index}`,
    caller: {
      issuer: 'https://token.example',
      subject: 'repo:octo/app',
      claims: { repository: 'octo/app', repository_id: '12' },
    },
    key: { name: 'release', version: 1, kid },
    digests: [`sha256:${hex}`],
    predicateType: undefined,
    bundleSha256: hex,
    timestamp: undefined,
    backendRequestId: undefined,
    answerSha256: undefined,
  }
}

/** A change of a key version. */
export function stateEntry(
  index: number,
  change: Pick<StateEntry, 'to' | 'action' | 'sequence'> & Partial<StateEntry>,
): StateEntry {
  return {
    type: 'state',
    time: timeOf(index),
    requestId: `request-${index}`,
    caller: undefined,
    key: { name: 'release', version: 1, kid: 'kid-1' },
    use: 'artifact',
    from: undefined,
    reason: undefined,
    compromisedSince: undefined,
    certificatesSha256: undefined,
    isForced: false,
    ...change,
  }
}

const base = {
  time: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }),
  requestId: fc.string(),
  caller: fc.option(
    fc.record({
      issuer: fc.webUrl(),
      subject: fc.string(),
      claims: fc.constantFrom(
        {},
        { repository: 'a/b', ref: 'x' },
        { 'kubernetes.io': { b: 1, a: [] } },
      ),
    }),
    { nil: undefined },
  ),
}
const key = fc.record({ name: fc.string(), version: fc.nat(), kid: fc.string() })
const text = fc.string({ unit: 'binary' })
const optionalText = fc.option(text, { nil: undefined })
const state = fc.constantFrom('pending', 'active', 'retired', 'revoked', 'destroyed')

const publicEntry = fc.option(fc.record({ index: fc.nat(), leafSha256: text }), {
  nil: undefined,
})

const signature: fc.Arbitrary<SignatureEntry> = fc.record({
  ...base,
  type: fc.constantFrom('signature', 'attestation'),
  key,
  digests: fc.array(text),
  predicateType: optionalText,
  bundleSha256: text,
  timestamp: fc.option(fc.record({ kid: text, time: base.time }), { nil: undefined }),
  backendRequestId: optionalText,
  answerSha256: optionalText,
  publicEntry,
})
const token: fc.Arbitrary<TokenEntry> = fc.record({
  ...base,
  type: fc.constant('token'),
  key,
  jti: text,
  audience: fc.array(text),
  expires: base.time,
  backendRequestId: optionalText,
})
const timestamp: fc.Arbitrary<TimestampEntry> = fc.record({
  ...base,
  type: fc.constant('timestamp'),
  key,
  serial: text,
  digest: text,
})
const change: fc.Arbitrary<StateEntry> = fc.record({
  ...base,
  type: fc.constant('state'),
  key,
  use: fc.constantFrom(...KEY_USES),
  from: fc.option(state, { nil: undefined }),
  to: state,
  action: text,
  reason: optionalText,
  compromisedSince: fc.option(base.time, { nil: undefined }),
  certificatesSha256: optionalText,
  isForced: fc.boolean(),
  sequence: fc.nat(),
  publicEntry,
})
const denial: fc.Arbitrary<DenialEntry> = fc.record({
  ...base,
  type: fc.constant('denial'),
  action: text,
  resource: text,
  code: fc.constantFrom('ERR_NOT_ALLOWED', 'ERR_KEY_REVOKED'),
  reason: text,
})
const step = {
  ...base,
  type: fc.constant('approval'),
  action: text,
  resource: text,
  approvalId: text,
  requestSha256: text,
} as const
const approval: fc.Arbitrary<ApprovalEntry> = fc.oneof(
  fc.record({
    ...step,
    step: fc.constant('request'),
    protectedActions: fc.array(text),
    expires: base.time,
  }),
  fc.record({ ...step, step: fc.constant('approve') }),
  fc.record({
    ...step,
    step: fc.constant('use'),
    required: fc.nat(),
    approvals: fc.array(fc.nat()),
  }),
)
const rules: fc.Arbitrary<RulesEntry> = fc.record({
  ...base,
  type: fc.constant('rules'),
  approvals: fc.record({ required: fc.nat(), actions: fc.array(text) }),
})

const keyRules: fc.Arbitrary<KeyRulesEntry> = fc.record({
  ...base,
  type: fc.constant('keyRules'),
  resource: text,
  rulesSha256: text,
  maxTokenLifetimeSeconds: fc.nat(),
  reason: optionalText,
})

const clock: fc.Arbitrary<ClockEntry> = fc.record({
  ...base,
  type: fc.constant('clock'),
  latest: base.time,
  reason: text,
})

const restore: fc.Arbitrary<RestoreEntry> = fc.record({
  ...base,
  type: fc.constant('restore'),
  logs: fc.array(fc.record({ log: fc.constantFrom(...LOG_ROLES), origin: text, size: fc.nat() }), {
    maxLength: 2,
  }),
  sequence: fc.nat(),
  reason: text,
})

const logNames: fc.Arbitrary<LogNamesEntry> = fc.record({
  ...base,
  type: fc.constant('logNames'),
  transparency: text,
  audit: text,
  earlier: fc.array(fc.record({ origin: text, until: base.time }), { maxLength: 3 }),
})

/** Any entry of any type. */
export const anyEntry: fc.Arbitrary<LogEntry> = fc.oneof(
  signature,
  token,
  timestamp,
  change,
  denial,
  approval,
  rules,
  keyRules,
  logNames,
  clock,
  restore,
)
