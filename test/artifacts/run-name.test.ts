import { expect, test } from 'vitest'
import { nameRequest, nameRun } from '../../src/artifacts/run-name.ts'

const JOB = {
  GITHUB_REPOSITORY_ID: '1',
  GITHUB_RUN_ID: '2',
  GITHUB_RUN_ATTEMPT: '3',
  GITHUB_JOB: 'release',
  GITHUB_ACTION: '__run_4',
}

test('the step of one attempt of a job asks under the same name when it runs again', () => {
  expect(nameRun({ ...JOB, HOME: '/root' })).toBe(nameRun(JOB))
})

test.each(Object.keys(JOB))('another %s is another run', (name) => {
  expect(nameRun({ ...JOB, [name]: 'other' })).not.toBe(nameRun(JOB))
})

test.each([{}, { ...JOB, GITHUB_RUN_ID: '' }])('elsewhere each process is a run', (variables) => {
  expect(nameRun(variables)).not.toBe(nameRun(variables))
})

test('a request of a run has a name that a header can hold, another for each content', () => {
  const names = ['a', 'b', ['a']].map((request) => nameRequest('run', request))

  expect(nameRequest('run', 'a')).toBe(names[0])
  expect(nameRequest('other run', 'a')).not.toBe(names[0])
  expect(new Set(names).size).toBe(names.length)
  expect(names.every((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true)
})
