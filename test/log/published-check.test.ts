import { expect, test } from 'vitest'
import type { KeySet } from '../../src/formats/jwks.ts'
import type { AuditLogIdentity, KeyHistory, PublishedVersion } from '../../src/keys/key-history.ts'
import type { StateEntry } from '../../src/log/entry.ts'
import {
  assertLoggedHistory,
  assertLoggedKeySet,
  LoggedStates,
} from '../../src/log/published-check.ts'
import { errorOf } from '../support/errors.ts'
import { stateEntry } from '../support/log-entries.ts'
import { testSigner } from '../support/signers.ts'

const key = (number: number): PublishedVersion['key'] =>
  testSigner('ES256', `release ${number}`).key

type Step = readonly [number: number, action: string, to: StateEntry['to'], sequence: number]

/** Version 1 signs from second 2 on, is retired by version 2 at 5, and revoked at 6. */
const STEPS: readonly Step[] = [
  [1, 'create', 'pending', 1],
  [1, 'publish', 'pending', 2],
  [1, 'activate', 'active', 3],
  [2, 'create', 'pending', 4],
  [2, 'publish', 'pending', 5],
  [1, 'retire', 'retired', 6],
  [2, 'activate', 'active', 6],
  [1, 'revoke', 'revoked', 7],
]

const at = (index: number): Date =>
  stateEntry(index, { to: 'active', action: '', sequence: 0 }).time

function logged(steps: readonly Step[] = STEPS): LoggedStates {
  const states = new LoggedStates()
  const last = new Map<number, StateEntry['to']>()
  for (const [index, [number, action, to, sequence]] of steps.entries()) {
    const entry = stateEntry(index, {
      from: last.get(number),
      to,
      action,
      sequence,
      key: { name: 'release', version: number, kid: key(number).kid },
      compromisedSince: action === 'revoke' ? at(4) : undefined,
    })
    last.set(number, to)
    states.add(index, entry)
  }
  return states
}

const FIRST: PublishedVersion = {
  key: key(1),
  name: 'release',
  version: 1,
  use: 'artifact',
  origin: 'generated',
  state: 'revoked',
  validFor: { start: at(2), end: at(7) },
  compromisedSince: at(4),
}

const SECOND: PublishedVersion = {
  key: key(2),
  name: 'release',
  version: 2,
  use: 'artifact',
  origin: 'generated',
  state: 'active',
  validFor: { start: at(6), end: undefined },
  compromisedSince: undefined,
}

const history = (...versions: readonly PublishedVersion[]): KeyHistory => ({
  sequence: 7,
  versions,
})

const auditLog = (number: number): AuditLogIdentity => ({
  origin: 'log.example/audit',
  keys: [key(number)],
})

const keySet = (number: number, sequence?: number): KeySet => ({
  keys: [{ kid: 'any text', key: key(number) }],
  skipped: [],
  refreshHintSeconds: undefined,
  sequence,
})

test('a history that follows from the log passes, and so does an older one of its time', () => {
  assertLoggedHistory(logged(), history(FIRST, SECOND))
  const retired = { ...FIRST, state: 'retired' as const, compromisedSince: undefined }
  assertLoggedHistory(logged(), { sequence: 6, versions: [retired, SECOND] })
  assertLoggedHistory(logged(), { ...history(FIRST, SECOND), trustKeys: [key(2)] })
  assertLoggedHistory(logged(), { ...history(FIRST, SECOND), auditLog: auditLog(2) })
})

test.each<readonly [string, KeyHistory, string]>([
  [
    'a version that was never created',
    history({ ...FIRST, key: key(9) }),
    'the log has no such version',
  ],
  [
    'another state',
    history(FIRST, { ...SECOND, state: 'pending' }),
    'state is pending, and active',
  ],
  [
    'a revocation that is missing',
    history({ ...FIRST, state: 'retired', compromisedSince: undefined }),
    'state is retired, and revoked by the log',
  ],
  ['a later compromise', history({ ...FIRST, compromisedSince: at(6) }), 'compromisedSince is'],
  [
    'an earlier start',
    history({ ...FIRST, validFor: { ...FIRST.validFor, start: at(0) } }),
    'start',
  ],
  ['an end', history({ ...SECOND, validFor: { ...SECOND.validFor, end: at(9) } }), 'end is set'],
  [
    'a window beyond the revocation',
    history({ ...FIRST, validFor: { ...FIRST.validFor, end: at(9) } }),
    'after its revocation',
  ],
  ['another name', history({ ...FIRST, name: 'other' }), 'version is other@1, and release@1'],
  ['another number', history({ ...FIRST, version: 3 }), 'version is release@3, and release@1'],
  ['a version that is left out', history(SECOND), 'it lacks release@1'],
  [
    'a trust key that was never created',
    { ...history(FIRST, SECOND), trustKeys: [key(9)] },
    'the log has no such version',
  ],
  [
    'a trust key that is revoked',
    { ...history(FIRST, SECOND), trustKeys: [key(1)] },
    'by the log it is revoked',
  ],
  [
    'a key of the audit log that was never created',
    { ...history(FIRST, SECOND), auditLog: auditLog(9) },
    'the log has no such version',
  ],
  [
    'a key of the audit log that is revoked',
    { ...history(FIRST, SECOND), auditLog: auditLog(1) },
    'by the log it is revoked',
  ],
])('a history with %s is refused', (_what, published, why) => {
  const { code, message } = errorOf(() => {
    assertLoggedHistory(logged(), published)
  })

  expect(code).toBe('ERR_LOG_PROOF_INVALID')
  expect(message).toMatch(/^kid \S{43} in the key history does not match the log: /)
  expect(message).toContain(why)
})

test('a key set has published keys and no revoked ones', () => {
  assertLoggedKeySet(logged(), keySet(2, 7))
  assertLoggedKeySet(logged(), keySet(2))
  assertLoggedKeySet(logged(), keySet(1, 6))
  const verdictOn = (set: KeySet): string =>
    errorOf(() => {
      assertLoggedKeySet(logged(), set)
    }).message

  expect(verdictOn(keySet(1, 7))).toContain('by the log it is revoked')
  expect(verdictOn(keySet(9, 7))).toContain('the log has no such version')
  expect(verdictOn(keySet(2, 4))).toContain('by the log it was never published')
})

test.each<readonly [string, Step]>([
  ['begins in the middle', [3, 'activate', 'active', 8]],
  ['contradicts the one before it', [2, 'create', 'pending', 8]],
])('an entry that %s vouches for nothing', (_what, step) => {
  const [, , to, sequence] = step
  const number = step[0]
  const states = logged()
  states.add(
    8,
    stateEntry(8, {
      from: number === 3 ? 'pending' : undefined,
      to,
      action: step[1],
      sequence,
      key: { name: 'release', version: number, kid: key(number).kid },
    }),
  )

  const { code, details } = errorOf(() => states.at(8))

  expect(code).toBe('ERR_LOG_PROOF_INVALID')
  expect(details['entry']).toBe(8)
})
