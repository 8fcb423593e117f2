import { expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
import { auditLog } from './log-rules.ts'

const QUANTITIES = { servedBefore: 5, signerLag: 2 }

/** What happens to a version of one key at a second. */
function change(second: number, version: number, action: string, isForced = false): LogEntry {
  const key = { name: 'release', version, kid: `kid-${version}` }
  return stateEntry(second, { to: 'active', action, sequence: second, key, isForced })
}

function signature(second: number, version: number): LogEntry {
  const entry = signatureEntry(second)
  return { ...entry, key: { name: 'release', version, kid: `kid-${version}` } }
}

const FIRST = [change(0, 1, 'create'), change(0, 1, 'publish'), change(0, 1, 'activate')]
const SECOND = [change(1, 2, 'create'), change(1, 2, 'publish')]
const ROTATED = [...FIRST, ...SECOND, change(6, 1, 'retire'), change(6, 2, 'activate')]

test('an audit finds nothing where every rule was kept, and counts', () => {
  const entries = [...ROTATED, signature(6, 2), signature(8, 1)]

  expect(auditLog(entries, QUANTITIES)).toEqual({
    violations: [],
    signatures: { signature: 2 },
    rotations: new Map([['release', 1]]),
  })
})

test.each([
  ['without a history', [signature(1, 9)], 'and was never created'],
  ['of a standby', [...FIRST, ...SECOND, signature(7, 2)], 'before it was active'],
  ['of a version long retired', [...ROTATED, signature(9, 1)], '3 s after it was retired'],
  [
    'after a revocation',
    [...FIRST, change(2, 1, 'revoke'), signature(2, 1)],
    'after its revocation',
  ],
  [
    'that verifiers did not know',
    [...FIRST, ...SECOND, change(3, 1, 'retire'), change(3, 2, 'activate'), signature(3, 2)],
    'before verifiers knew it',
  ],
])('an audit finds a signature %s', (_what, entries, why) => {
  expect(auditLog(entries, QUANTITIES).violations).toEqual([expect.stringContaining(why)])
})

test('an audit finds a time stamp by a version that was revoked', () => {
  const stamped = { ...signatureEntry(3), key: { name: 'release', version: 1, kid: 'kid-1' } }
  const stamp = { kid: 'kid-2', time: stamped.time }
  const entries = [...FIRST, ...SECOND, change(2, 2, 'revoke'), { ...stamped, timestamp: stamp }]

  expect(auditLog(entries, QUANTITIES).violations).toContain(
    'entry 6: kid-2 stamped after its revocation',
  )
})

test('an audit finds two active versions, but accepts a forced one that did not wait', () => {
  const early = [...FIRST, ...SECOND, change(2, 2, 'activate', true), signature(2, 2)]

  expect(auditLog(early, QUANTITIES).violations).toEqual([
    'entry 5: release has two active versions',
  ])
})
