import { expect, test } from 'vitest'
import { type KeyAction, LIFECYCLE } from '../../src/keys/lifecycle.ts'
import type { KeyState } from '../../src/keys/state.ts'

const rows = (match: { from?: KeyState; action?: KeyAction }) =>
  LIFECYCLE.filter(
    ({ from, action }) => from === (match.from ?? from) && action === (match.action ?? action),
  )

test('the table answers each state and action once', () => {
  const questions = LIFECYCLE.map(({ from, action }) => `${from} ${action}`)

  expect(new Set(questions).size).toBe(questions.length)
})

test('a version becomes active from pending alone', () => {
  const changes = LIFECYCLE.filter(({ from, to }) => from !== to)

  expect(changes.filter(({ to }) => to === 'active').map(({ from }) => from)).toEqual(['pending'])
})

test('every state can be revoked, since a compromise may show at any time', () => {
  expect(
    rows({ action: 'revoke' })
      .map(({ from }) => from)
      .toSorted(),
  ).toEqual(['active', 'destroyed', 'pending', 'retired', 'revoked'])
})

test('a retired, revoked or destroyed version never returns', () => {
  const ended: readonly KeyState[] = ['retired', 'revoked', 'destroyed']
  const ends = ended.flatMap((from) => rows({ from }).map(({ to }) => to))

  expect(ends.filter((to) => !ended.includes(to))).toEqual([])
})

test('a scheduler publishes, activates, and ends only what waits', () => {
  const scheduled = LIFECYCLE.filter(({ actors }) => actors.includes('scheduler'))

  expect(scheduled.map(({ from, action }) => `${action} ${from}`)).toEqual([
    'publish pending',
    'activate pending',
    'retire pending',
  ])
})
