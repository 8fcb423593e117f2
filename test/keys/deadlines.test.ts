import { expect, test } from 'vitest'
import { isServed, leavesJwksAt, ripeAt, signable, signsUntil } from '../../src/keys/deadlines.ts'
import { changePolicy } from '../../src/keys/policy.ts'
import { revoke } from '../../src/keys/revocation.ts'
import { activate, destroy } from '../../src/keys/transitions.ts'
import { KeyStory, second } from '../support/key-versions.ts'

/** Version 1 retired at 1100, version 2 active, version 3 published, version 4 made. */
function story(): KeyStory {
  const made = new KeyStory().standby(0)
  made.take(activate(made.at(0), 1)).standby(100)
  return made
    .take(activate(made.at(1100), 2))
    .standby(1200)
    .create(1300)
}

test('the deadlines of a version follow from its times and the policy', () => {
  const { key, versions } = story()
  const deadlines = (of: typeof ripeAt) => versions.map((version) => of(version, key))

  expect(deadlines(ripeAt)).toEqual([second(1000), second(1100), second(2200), undefined])
  expect(deadlines(signsUntil)).toEqual([second(1140), undefined, undefined, undefined])
  expect(deadlines(leavesJwksAt)).toEqual([second(5100), undefined, undefined, undefined])
})

test('published versions are served, a retired one until its last token expires', () => {
  const { key, versions } = story()
  const served = (now: number) => versions.map((v) => isServed(v, key, second(now)))

  expect(served(5099)).toEqual([true, true, true, false])
  expect(served(5100)).toEqual([false, true, true, false])
})

test('the active version signs, one retired signs for the lag of the signers', () => {
  const { key, versions } = story()
  const verdicts = (now: number) =>
    versions.map((version) => signable(version, key, second(now))?.code)

  const pending = ['ERR_KEY_NOT_USABLE', 'ERR_KEY_NOT_USABLE']
  expect(verdicts(1140)).toEqual([undefined, undefined, ...pending])
  expect(verdicts(1141)).toEqual(['ERR_KEY_NOT_USABLE', undefined, ...pending])
})

test('a longer lag set after a retirement lets no version sign again', () => {
  const { key, versions } = story()
  const policy = { ...key.policy, signerLagSeconds: 140 }
  const changed = { ...key, ...changePolicy(key, policy, second(1145)) }
  const [retired] = versions.map((version) => signable(version, changed, second(1150)))

  expect(retired?.code).toBe('ERR_KEY_NOT_USABLE')
  // The window and the key set count with it all the same.
  expect(versions.map((version) => signsUntil(version, changed))[0]).toEqual(second(1240))
})

test('a clock that is behind an activation leaves the signing to the version before', () => {
  const { key, versions } = story()
  const [previous, active] = versions.map((version) => signable(version, key, second(1099)))

  expect([previous?.code, active?.code]).toEqual([undefined, 'ERR_KEY_NOT_USABLE'])
})

test('a revoked version is neither served nor signs, at any time', () => {
  const made = story()
  made.take(revoke(made.at(1500), 2, { mode: 'seamless' }))
  const version = made.version(2)

  for (const now of [0, 1100, 1499, 1500, 99_999]) {
    expect(signable(version, made.key, second(now))?.code).toBe('ERR_KEY_REVOKED')
    expect(isServed(version, made.key, second(now))).toBe(false)
  }
})

test('a destroyed version is neither served nor signs, and still says if it was revoked', () => {
  const made = story()
  made.take(revoke(made.at(1120), 1, { mode: 'seamless' }))
  made.take(destroy(made.at(20_000), 1, undefined))
  const version = made.version(1)

  expect(signable(version, made.key, second(1130))?.code).toBe('ERR_KEY_REVOKED')
  expect(isServed(version, made.key, second(1130))).toBe(false)
})
