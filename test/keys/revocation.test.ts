import { expect, test } from 'vitest'
import { revoke, type RevocationOptions } from '../../src/keys/revocation.ts'
import { activate, destroy } from '../../src/keys/transitions.ts'
import { codeOf } from '../support/errors.ts'
import { KeyStory, second, testKey } from '../support/key-versions.ts'

const SEAMLESS: RevocationOptions = { mode: 'seamless' }
const FLUSH: RevocationOptions = { mode: 'flush' }
const WHY = { force: true, reason: 'nothing may be signed now' }

/** A key whose first version signs since 0. */
function alone(): KeyStory {
  const story = new KeyStory(testKey()).standby(0)
  return story.take(activate(story.at(0), 1))
}

/** With a standby published at 100, ripe at 1100. */
function running(): KeyStory {
  return alone().standby(100)
}

const summary = (story: KeyStory): string =>
  story.versions.map(({ state, isForced }) => (isForced ? `${state}, early` : state)).join('; ')

test('seamless puts the standby in place at once', () => {
  const story = running()

  story.take(revoke(story.at(1100), 1, SEAMLESS))

  expect(summary(story)).toBe('revoked; active')
  expect(story.version(1)).toMatchObject({
    revokedAt: second(1100),
    compromisedSince: second(1100),
  })
})

test('seamless takes a standby before its time, and the version says so', () => {
  const story = running()

  story.take(revoke(story.at(500), 1, SEAMLESS))

  expect(summary(story)).toBe('revoked; active, early')
})

test('flush activates an unpublished version and leaves the standby', () => {
  const story = running().create(1990)

  story.take(revoke(story.at(2000), 1, FLUSH))

  expect(summary(story)).toBe('revoked; pending; active, early')
  expect(story.version(3)).toMatchObject({ publishedAt: second(2000), activatedAt: second(2000) })
})

test('flush of a retired version replaces the active one too', () => {
  const story = running()
  story.take(activate(story.at(1100), 2)).create(1200)

  story.take(revoke(story.at(1300), 1, FLUSH))

  expect(summary(story)).toBe('revoked; retired; active, early')
})

test('seamless revocation of a retired version or a standby changes no other', () => {
  const story = running()
  story.take(activate(story.at(1100), 2)).standby(1200)

  story.take(revoke(story.at(1300), 1, SEAMLESS)).take(revoke(story.at(1300), 3, SEAMLESS))

  expect(summary(story)).toBe('revoked; active; revoked')
})

test.each<[string, () => KeyStory, number, RevocationOptions]>([
  ['the active version without a standby', alone, 1, SEAMLESS],
  ['in the mode flush without a fresh version', running, 1, FLUSH],
  ['the only version that is published', () => new KeyStory().standby(0), 1, SEAMLESS],
])('a revocation is refused that would leave nothing, unless forced: %s', (_what, make, n, how) => {
  const story = make()

  expect(codeOf(() => revoke(story.at(500), n, how))).toBe('ERR_TRANSITION_REFUSED')
  expect(codeOf(() => revoke(story.at(500), n, { ...how, force: true }))).toBe(
    'ERR_TRANSITION_REFUSED',
  )
  expect(revoke(story.at(500), n, { ...how, ...WHY })).toMatchObject([
    { action: 'revoke', after: { state: 'revoked' } },
  ])
})

test('a version that was never published is revoked without more', () => {
  const story = alone().create(5)

  expect(revoke(story.at(6), 2, SEAMLESS)).toMatchObject([
    { action: 'revoke', after: { version: 2, state: 'revoked' } },
  ])
})

test('a compromise can lie in the past, never in the future', () => {
  const story = running()
  const since = (n: number) => ({ ...SEAMLESS, compromisedSince: second(n) })

  expect(revoke(story.at(500), 1, since(-100))[0]?.after.compromisedSince).toEqual(second(-100))
  expect(codeOf(() => revoke(story.at(500), 1, since(501)))).toBe('ERR_TRANSITION_REFUSED')
})

test('what is learned later moves a compromise back in time, never forward', () => {
  const story = running()
  story.take(revoke(story.at(500), 1, SEAMLESS))
  const again = (n: number) => revoke(story.at(900), 1, { ...FLUSH, compromisedSince: second(n) })

  expect(again(400)).toMatchObject([
    {
      action: 'revoke',
      after: {
        version: 1,
        state: 'revoked',
        revokedAt: second(500),
        compromisedSince: second(400),
      },
    },
  ])
  expect(codeOf(() => again(500))).toBe('ERR_TRANSITION_REFUSED')
})

test('a destroyed version stays destroyed when it turns out to have been compromised', () => {
  const story = running()
  story.take(activate(story.at(1100), 2))
  story.take(destroy(story.at(20_000), 1, undefined))

  const [changed] = revoke(story.at(30_000), 1, { ...SEAMLESS, compromisedSince: second(600) })

  expect(changed).toMatchObject({
    action: 'revoke',
    after: { state: 'destroyed', compromisedSince: second(600) },
  })
})
