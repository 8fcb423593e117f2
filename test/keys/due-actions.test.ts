import { expect, test } from 'vitest'
import { type DueAction, dueActions } from '../../src/keys/due-actions.ts'
import { revoke } from '../../src/keys/revocation.ts'
import { activate, publish, retire } from '../../src/keys/transitions.ts'
import { KeyStory, testKey } from '../support/key-versions.ts'

const HOURLY = testKey('token', { everySeconds: 3600 })
const WHY = { force: true, reason: 'requested' }

/** Does what is due until nothing is, and tells what was done. */
function run(story: KeyStory, seconds: number): readonly string[] {
  const [due] = dueActions(story.at(seconds))
  if (due === undefined) return []
  step(story, seconds, due)
  const name = due.action === 'create' ? due.action : `${due.action} ${due.version}`
  return [name, ...run(story, seconds)]
}

function step(story: KeyStory, seconds: number, due: DueAction): void {
  if (due.action === 'create') story.create(seconds)
  else if (due.action === 'publish') story.take(publish(story.at(seconds), due.version))
  else story.take(activate(story.at(seconds), due.version))
}

test('a key that is new gets a version that signs and a standby, at once', () => {
  const story = new KeyStory(HOURLY)

  expect(run(story, 0)).toEqual(['create', 'publish 1', 'activate 1', 'create', 'publish 2'])
  expect(run(story, 0)).toEqual([])
})

test('a version is followed when its period is over, and a new standby is made', () => {
  const story = new KeyStory(HOURLY)
  run(story, 0)

  expect(run(story, 3599)).toEqual([])
  expect(run(story, 3600)).toEqual(['activate 2', 'create', 'publish 3'])
})

test('a standby that verifiers have not seen delays the rotation', () => {
  const story = new KeyStory(HOURLY).standby(0)
  story.take(activate(story.at(0), 1)).standby(3000)

  expect(run(story, 3999)).toEqual([])
  expect(run(story, 4000)[0]).toBe('activate 2')
})

test('a key without a period is never rotated by the scheduler, and has a standby', () => {
  const story = new KeyStory(testKey('token', { everySeconds: undefined }))
  run(story, 0)

  expect(run(story, 10_000_000)).toEqual([])
  expect(story.states).toBe('active pending')
})

test('a key whose signing was stopped stays stopped', () => {
  const story = new KeyStory(HOURLY)
  run(story, 0)
  story.take(retire(story.at(10), 1, WHY))

  expect(run(story, 99_999)).toEqual([])
})

test('a standby that took over in an emergency is replaced', () => {
  const story = new KeyStory(HOURLY)
  run(story, 0)
  story.take(revoke(story.at(10), 1, { mode: 'seamless' }))

  expect(run(story, 11)).toEqual(['create', 'publish 3'])
})

test('a fresh version beside a standby is not published, so that it can flush caches', () => {
  const story = new KeyStory(HOURLY)
  run(story, 0)
  story.create(10)

  expect(run(story, 11)).toEqual([])
})
