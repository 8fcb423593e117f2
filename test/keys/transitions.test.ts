import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { activate, create, destroy, publish, retire } from '../../src/keys/transitions.ts'
import { revoke } from '../../src/keys/revocation.ts'
import { codeOf } from '../support/errors.ts'
import { KeyStory, poolKey, second, testKey } from '../support/key-versions.ts'
import { testSigner } from '../support/signers.ts'

const WHY = { force: true, reason: 'verifiers were updated by hand' }

/** A key whose first version signs since 0, with a standby published at 100: ripe at 1100. */
function running(key = testKey()): KeyStory {
  const story = new KeyStory(key).standby(0)
  return story.take(activate(story.at(0), 1)).standby(100)
}

/** As running, rotated at 1100: version 1 leaves the JWKS at 5100 and may be destroyed at 15100. */
function rotated(): KeyStory {
  const story = running()
  return story.take(activate(story.at(1100), 2))
}

test('a new version is pending and unpublished', () => {
  const change = create(new KeyStory().at(7), { publicKey: poolKey(1), uri: 'file:1.pem' })

  expect(change).toMatchObject({ action: 'create', before: undefined })
  expect(change.after).toMatchObject({
    version: 1,
    state: 'pending',
    createdAt: second(7),
    revision: 1,
  })
  expect(change.after.publishedAt).toBeUndefined()
})

test('a version gets a number above all earlier ones', () => {
  const { versions } = new KeyStory().create(0).create(1).create(2)

  expect(versions.map(({ version }) => version)).toEqual([1, 2, 3])
})

test('a key pair is never used for two versions', () => {
  const story = new KeyStory().create(0)

  const again = () => create(story.at(1), { publicKey: poolKey(1), uri: 'file:other.pem' })

  expect(codeOf(again)).toBe('ERR_KEY_EXISTS')
})

test('a version has the algorithm of its key', () => {
  const { key } = testSigner('ES384')

  expect(codeOf(() => create(new KeyStory().at(0), { publicKey: key, uri: 'file:x' }))).toBe(
    'ERR_KEY_INVALID',
  )
})

test('publishing sets its time once', () => {
  const story = new KeyStory().standby(5)

  expect(story.version(1)).toMatchObject({ publishedAt: second(5), state: 'pending', revision: 2 })
  expect(codeOf(() => publish(story.at(6), 1))).toBe('ERR_TRANSITION_REFUSED')
})

test('the first version of a key signs as soon as it is published, and is not forced', () => {
  const story = new KeyStory().standby(0)

  const [first] = activate(story.at(0), 1)

  expect(first?.action).toBe('activate')
  expect(first?.after).toMatchObject({
    state: 'active',
    activatedAt: second(0),
    isForced: false,
  })
})

test('an unpublished version is never activated, forced or not', () => {
  const story = new KeyStory().create(0)

  expect(codeOf(() => activate(story.at(9999), 1, WHY))).toBe('ERR_TRANSITION_REFUSED')
})

test('activation is refused a millisecond before every verifier has seen the version', () => {
  const story = running()
  const early = { ...story.at(0), now: new Date(second(1100).getTime() - 1) }

  expect(codeOf(() => activate(early, 2))).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(codeOf(() => activate(story.at(1100), 2))).toBe('accepted')
})

test('a refusal because of time names the earliest time', () => {
  const story = running()

  expect(() => activate(story.at(200), 2)).toThrow(
    expect.objectContaining({
      message: "can't activate sessions@2 before 2026-01-01T00:18:20.000Z",
      details: {
        key: 'sessions',
        version: 2,
        action: 'activate',
        earliest: '2026-01-01T00:18:20.000Z',
      },
    }),
  )
})

test('activation retires the version that signed, in the same result', () => {
  const story = running()

  const changed = activate(story.at(1100), 2)

  const steps = changed.map(({ action, before, after: { version, state, revision } }) => [
    action,
    version,
    `${before?.state ?? ''} to ${state}`,
    revision,
  ])
  expect(steps).toEqual([
    ['retire', 1, 'active to retired', 4],
    ['activate', 2, 'pending to active', 3],
  ])
  expect(changed[0]?.after.retiredAt).toEqual(second(1100))
})

test('a forced activation says that it was forced, one in time does not', () => {
  const story = running()
  const forced = (seconds: number) => activate(story.at(seconds), 2, WHY)[1]?.after.isForced

  expect([forced(200), forced(1100)]).toEqual([true, false])
})

test.each([{ force: true }, { force: true, reason: '' }, { force: true, reason: '  ' }])(
  'force without a reason is refused: %j',
  (options) => {
    expect(codeOf(() => activate(running().at(200), 2, options))).toBe('ERR_TRANSITION_REFUSED')
  },
)

test('a reason alone forces nothing', () => {
  const reason = { reason: 'in a hurry' }

  expect(codeOf(() => activate(running().at(200), 2, reason))).toBe('ERR_TRANSITION_TOO_EARLY')
})

test('a version that was retired never signs again', () => {
  expect(codeOf(() => activate(rotated().at(9000), 1, WHY))).toBe('ERR_TRANSITION_REFUSED')
})

test('a version that does not exist is not found', () => {
  expect(codeOf(() => activate(running().at(0), 9))).toBe('ERR_KEY_NOT_FOUND')
})

test('no transition changes what it was given', () => {
  const story = running()
  const before = story.versions.map((version) => ({ ...version }))

  activate(story.at(1100), 2)
  revoke(story.at(1100), 1, { mode: 'seamless' })

  expect(story.versions).toEqual(before)
})

test('a clock that is behind never ends a window before its start', () => {
  const story = running()

  const [previous] = activate(story.at(-50), 2, WHY)

  expect(previous?.after.retiredAt).toEqual(second(0))
})

test('the only version that signs is retired by force and with a reason alone', () => {
  const story = running()

  expect(codeOf(() => retire(story.at(200), 1))).toBe('ERR_TRANSITION_REFUSED')
  expect(retire(story.at(200), 1, WHY)).toMatchObject([
    { action: 'retire', after: { state: 'retired', retiredAt: second(200) } },
  ])
})

test('after a forced retirement the next version waits as always', () => {
  const story = running()
  story.take(retire(story.at(200), 1, WHY))

  expect(codeOf(() => activate(story.at(300), 2))).toBe('ERR_TRANSITION_TOO_EARLY')
})

test('a retired version is destroyed after its audit window, not before', () => {
  const story = rotated()

  expect(codeOf(() => destroy(story.at(15_099), 1, undefined))).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(destroy(story.at(15_100), 1, undefined)).toMatchObject([
    {
      action: 'destroy',
      after: { state: 'destroyed', destroyedAt: second(15_100), retiredAt: second(1100) },
    },
  ])
})

test('a version that signed after it was closed is never destroyed', () => {
  const story = rotated()
  const destroyed = (last: number) => codeOf(() => destroy(story.at(20_000), 1, second(last)))

  expect([destroyed(1140), destroyed(1141)]).toEqual(['accepted', 'ERR_TRANSITION_REFUSED'])
})

test('a revoked version is destroyed after its audit window', () => {
  const story = running()
  story.take(revoke(story.at(500), 1, { mode: 'seamless' }))
  const destroyed = (at: number, last?: number) =>
    codeOf(() => destroy(story.at(at), 1, last === undefined ? undefined : second(last)))

  expect([
    destroyed(10_499),
    destroyed(10_500),
    destroyed(10_500, 560),
    destroyed(10_500, 561),
  ]).toEqual(['ERR_TRANSITION_TOO_EARLY', 'accepted', 'accepted', 'ERR_TRANSITION_REFUSED'])
})

test.each([1, 2])('neither an active nor a pending version is destroyed: %i', (number) => {
  expect(codeOf(() => destroy(running().at(99_999), number, undefined))).toBe(
    'ERR_TRANSITION_REFUSED',
  )
})

test('a refused transition reports what the state allows', () => {
  const error = catchError(() => publish(rotated().at(2000), 1))

  expect(error?.hint).toBe('what can be done to a version that is retired: revoke, destroy')
})

function catchError(call: () => unknown): CountersignError | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (CountersignError.is(error)) return error
    throw error
  }
}
