import { expect, test } from 'vitest'
import type { Key } from '../../src/keys/key.ts'
import { createClockCheck } from '../../src/service/clock-check.ts'
import { codeOfAsync } from '../support/errors.ts'
import { second, testKey } from '../support/key-versions.ts'

/** Checks a replica whose request takes from one second to another, by its clock; the database says `there`. */
function check(there: number, [from, until]: readonly [number, number], keys: readonly Key[]) {
  const times = [second(from), second(until)]
  const { check: run } = createClockCheck({
    store: { clock: () => Promise.resolve(second(there)) },
    keyring: { snapshot: { sequence: 1, keys, versions: [] } },
    now: () => times.shift() ?? second(until),
  })
  return codeOfAsync(() => run(new AbortController().signal))
}

/** L is 40 s for one, 5 s for the other. */
const KEYS = [testKey(), testKey('artifact', { signerLagSeconds: 5 })]

test.each([
  ['the same', 100, 'accepted'],
  ['behind by no more than the least L', 95, 'accepted'],
  ['behind by more', 94, 'ERR_CONFIG_INVALID'],
  ['ahead by no more than the least L', 105, 'accepted'],
  ['ahead by more', 106, 'ERR_CONFIG_INVALID'],
])('a replica is ready or not where the database is %s', async (_what, there, code) => {
  expect(await check(there, [100, 100], KEYS)).toBe(code)
})

test('the time that asking takes is no difference', async () => {
  expect(await check(115, [100, 110], KEYS)).toBe('accepted')
  expect(await check(95, [100, 110], KEYS)).toBe('accepted')
})

test('a service without keys has nothing to be late for', async () => {
  expect(await check(0, [100, 100], [])).toBe('accepted')
})
