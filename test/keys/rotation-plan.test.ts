import { expect, test } from 'vitest'
import { planRevocation } from '../../src/keys/revocation-plan.ts'
import { revoke } from '../../src/keys/revocation.ts'
import { planRotation } from '../../src/keys/rotation-plan.ts'
import { activate, destroy } from '../../src/keys/transitions.ts'
import type { RevocationMode } from '../../src/keys/revocation.ts'
import type { VerifierClass } from '../../src/keys/verifier-classes.ts'
import { codeOf } from '../support/errors.ts'
import { KeyStory, second, testKey } from '../support/key-versions.ts'

/** A key whose first version signs since 0, with a standby published at 100, ripe at 1100. */
function running(key = testKey('token', { everySeconds: 86_400 })): KeyStory {
  const story = new KeyStory(key).standby(0)
  return story.take(activate(story.at(0), 1)).standby(100)
}

const steps = (story: KeyStory, now: number) =>
  planRotation(story.at(now)).steps.map(({ step, earliest }) => [step, earliest])

test('a plan names every time of a rotation', () => {
  expect(steps(running(), 200)).toEqual([
    ['publish', second(100)],
    ['activate', second(1100)],
    ['leave-jwks', second(5100)],
    ['destroy', second(15_100)],
  ])
})

test('the transitions accept the times of the plan, and nothing earlier', () => {
  const story = running()
  const { steps: planned } = planRotation(story.at(200))
  const [, activation, , destruction] = planned.map(({ earliest }) => earliest.getTime())
  const at = (time = 0) => ({ ...story.at(0), now: new Date(time) })

  expect(codeOf(() => activate(at((activation ?? 0) - 1), 2))).toBe('ERR_TRANSITION_TOO_EARLY')
  story.take(activate(at(activation), 2))
  expect(codeOf(() => destroy(at((destruction ?? 0) - 1), 1, undefined))).toBe(
    'ERR_TRANSITION_TOO_EARLY',
  )
  expect(codeOf(() => destroy(at(destruction), 1, undefined))).toBe('accepted')
})

test('a plan for an artifact key speaks of no JWKS, no token and no verifier of tokens', () => {
  const { steps: planned, uncovered } = planRotation(running(testKey('artifact')).at(200))
  const revoked = planRevocation(running(testKey('artifact')).at(2000), 1, 'seamless')

  expect(planned.map(({ step, boundBy }) => [step, boundBy])).toEqual([
    ['publish', 'done'],
    ['activate', 'V: verifiers may keep keys 900 s (copies of the key history: 300 s)'],
    ['destroy', 'the audit window, and no signature after it was closed'],
  ])
  expect(uncovered).toEqual([])
  expect(revoked).toMatchObject({
    tokensUntil: undefined,
    exposedUntil: revoked.cachesUntil,
    verifiers: [{ name: 'copies of the key history', refusesSeconds: 0 }],
  })
})

test('each wait of a plan is the sum of its terms', () => {
  const terms = planRotation(running().at(200)).steps.map((step) =>
    step.terms.map(({ term, seconds }) => `${term} ${seconds}`).join(' + '),
  )

  expect(terms).toEqual([
    '',
    'V 900 + R 40 + S 60',
    'L 40 + T 3600 + W 300 + S 60',
    'audit window 10000',
  ])
})

test('a plan without a standby starts now', () => {
  const story = new KeyStory(testKey()).standby(0)
  story.take(activate(story.at(0), 1))

  expect(planRotation(story.at(500))).toMatchObject({ from: 1, to: undefined })
  expect(steps(story, 500)[1]).toEqual(['activate', second(1500)])
})

test('the first version of a key waits for nothing, and replaces nothing', () => {
  expect(steps(new KeyStory().standby(0), 7)).toEqual([
    ['publish', second(0)],
    ['activate', second(7)],
  ])
})

test('a plan names the slowest verifier that it waits for', () => {
  const boundBy = (key = testKey()) => planRotation(running(key).at(200)).steps[1]?.boundBy

  expect(boundBy()).toBe('V: verifiers may keep keys 900 s (jose: 600 s)')
  expect(boundBy(testKey('token', { maxAgeSeconds: 1500 }))).toBe(
    'M: max-age is 1500 s (step-ca: 1500 s)',
  )
})

test('a plan says so if no known verifier needs the wait', () => {
  const [, activation] = planRotation(running().at(200), []).steps

  expect(activation?.boundBy).toBe('V: verifiers may keep keys 900 s')
})

test('a plan lists the verifiers it does not wait for, and for how long they may refuse', () => {
  expect(planRotation(running().at(200)).uncovered).toEqual([
    { name: 'keyfunc', refusesSeconds: 300 },
    { name: 'Istio', refusesSeconds: 300 },
  ])
})

test('a plan tells when the scheduler rotates, and what it would do now', () => {
  const story = running()

  expect(planRotation(story.at(200))).toMatchObject({ scheduledAt: second(86_400), due: [] })
  expect(planRotation(story.at(86_400)).due).toEqual([{ action: 'activate', version: 2 }])
})

const VERIFIERS: readonly VerifierClass[] = [
  { name: 'timed', keeps: 600, cooldownSeconds: undefined },
  { name: 'curious', keeps: 600, cooldownSeconds: 30 },
  { name: 'lazy', keeps: 'until-unknown-kid', cooldownSeconds: 0 },
]

const revocation = (story: KeyStory, now: number, mode: RevocationMode) =>
  planRevocation(story.at(now), 1, mode, VERIFIERS)

test('a seamless revocation refuses no good token, and lazy caches keep the revoked key', () => {
  expect(revocation(running(), 2000, 'seamless')).toMatchObject({
    successor: 2,
    successorRipeAt: undefined,
    verifiers: [
      { name: 'timed', accepts: 640, refusesSeconds: 0 },
      { name: 'curious', accepts: 640, refusesSeconds: 0 },
      { name: 'lazy', accepts: 'without-end', refusesSeconds: 0 },
    ],
  })
})

test('a flushing revocation ends lazy caches, and timed ones refuse good tokens for a while', () => {
  expect(revocation(running(), 2000, 'flush')).toMatchObject({
    successor: 3,
    successorRipeAt: second(3000),
    verifiers: [
      { name: 'timed', accepts: 640, refusesSeconds: 640 },
      { name: 'curious', accepts: 640, refusesSeconds: 30 },
      { name: 'lazy', accepts: 'until-fresh-token', refusesSeconds: 0 },
    ],
  })
})

test('a seamless revocation before its standby is ready states when it will be', () => {
  const { successorRipeAt, verifiers } = revocation(running(), 200, 'seamless')

  expect(successorRipeAt).toEqual(second(1100))
  expect(verifiers[0]?.refusesSeconds).toBe(540)
})

test('exposure is bounded by caches or by the last token, whichever ends later', () => {
  const short = running(testKey('token', { maxTokenLifetimeSeconds: 10 }))

  expect(revocation(running(), 2000, 'seamless')).toMatchObject({
    cachesUntil: second(2940),
    tokensUntil: second(5960),
    exposedUntil: second(5960),
  })
  expect(revocation(short, 2000, 'seamless').exposedUntil).toEqual(second(2940))
})

test('a revocation of a version that no longer signs has no successor unless it flushes', () => {
  const story = running()
  story.take(activate(story.at(1100), 2)).standby(1200)

  expect(revocation(story, 1300, 'seamless')).toMatchObject({
    successor: undefined,
    tokensUntil: second(5100),
  })
  expect(revocation(story, 1300, 'flush').successor).toBe(4)
})

test('a standby that is revoked has signed nothing', () => {
  const plan = planRevocation(running().at(200), 2, 'seamless')

  expect(plan).toMatchObject({ tokensUntil: undefined, successor: undefined })
})

test('a plan of a revocation says what the revocation does', () => {
  const story = running().create(1990)
  const planned = revocation(story, 2000, 'flush').successor

  story.take(revoke(story.at(2000), 1, { mode: 'flush' }))

  expect(story.versions.find(({ state }) => state === 'active')?.version).toBe(planned)
})
