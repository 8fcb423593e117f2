import { expect, test } from 'vitest'
import { ERROR_TRAITS } from '../../src/errors.ts'
import { renderErrorsPage } from '../../tools/generated/errors-page.ts'
import { readProjectFile } from '../support/project.ts'

const ROWS = readProjectFile('docs/errors.md')
  .split('\n')
  .filter((line) => line.startsWith('| `ERR_'))
  .map((line) => line.split('|').slice(1, -1))
  .map((cells) => cells.map((cell) => cell.trim()))

test('docs/errors.md has one row per code, and no row without a code', () => {
  const codes = Object.keys(ERROR_TRAITS).map((code) => `\`${code}\``)

  expect(ROWS.map(([code]) => code)).toEqual(codes)
})

test('docs/errors.md says of each code what the table of codes says', () => {
  const traits = Object.values(ERROR_TRAITS).map(({ exit, http, retryable }) => [
    String(exit),
    String(http),
    retryable ? 'yes' : 'no',
  ])

  expect(ROWS.map((cells) => cells.slice(1, 4))).toEqual(traits)
})

test('docs/errors.md states what each code means and who fixes it', () => {
  for (const [code, , , , meaning = '', mender = ''] of ROWS) {
    expect(meaning, code).toMatch(/^.{15,}\.$/)
    expect(mender, code).toMatch(/^.{15,}\.$/)
  }
})

test('a code without a row cannot be rendered', () => {
  const page = readProjectFile('docs/errors.md')
  const without = page.replace(/^\| `ERR_USAGE`.*\n/m, '')

  expect(() => renderErrorsPage(without)).toThrow('ERR_USAGE')
})

test('a wrong status in the page is put right when it is rendered', () => {
  const page = readProjectFile('docs/errors.md')
  const wrong = page.replace(/^(\| `ERR_USAGE` *\|) 2 /m, '$1 3 ')

  expect(wrong).not.toBe(page)
  expect(renderErrorsPage(wrong)).toBe(renderErrorsPage(page))
})
