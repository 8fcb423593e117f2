import { expect, test } from 'vitest'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

const SWITCH = 'test/support/command-line.ts'

test('every test, the quickstart and the interop suite start the command line through one module', () => {
  const files = listProjectFiles('test/**/*.ts', 'tools/{quickstart,interop}/**/*.ts')
  const naming = files.filter((path) => /cli\/(bin|main)\.[jt]s(?!':)/.test(readProjectFile(path)))

  expect(naming).toEqual([SWITCH])
})
