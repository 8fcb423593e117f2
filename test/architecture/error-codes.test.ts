import { expect, test } from 'vitest'
import { ERROR_TRAITS } from '../../src/errors.ts'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

const CODES = Object.keys(ERROR_TRAITS)

/** The codes that no file of a list names. */
function unnamed(files: readonly string[]): string[] {
  const text = files.map(readProjectFile).join('\n')
  return CODES.filter((code) => !text.includes(`'${code}'`))
}

test('every error code is thrown somewhere', () => {
  const files = listProjectFiles('src/**/*.ts', 'cli/**/*.ts', 'action/*.ts')

  expect(unnamed(files.filter((file) => file !== 'src/errors.ts'))).toEqual([])
})

test('every error code is asserted somewhere', () => {
  const files = listProjectFiles('test/**/*.test.ts', 'test/**/*.txt', 'test/**/*-contract.ts')

  expect(unnamed(files.filter((file) => !file.startsWith('test/architecture/')))).toEqual([])
})
