/** docs/design/log.md says what a thief of each part can do; each row names the tests that hold it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/project.ts'

const PAGE = readFileSync(join(PROJECT, 'docs/design/log.md'), 'utf8')
const [, after = ''] = PAGE.split('## Who is trusted, and what a thief of each part can do\n')
const [section = ''] = after.split('\n## ')

/** The first cell of each row, without the head of the table. */
const parts = [...section.matchAll(/^\| ([^|]*?) +\|/gm)]
  .map(([, part = '']) => part)
  .filter((part) => part !== 'part' && !part.startsWith('-'))

/** What is said of each part below the table. */
const held = new Map(
  [...section.matchAll(/^- \*\*(.+?)\*\*: (.*)$/gm)].map(([, part = '', tests = '']) => [
    part.replaceAll('`', ''),
    [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path),
  ]),
)

test('the table has rows', () => {
  expect(parts.length).toBeGreaterThanOrEqual(8)
})

test.each(parts)('what a thief of %s can do is held by tests that exist', (part) => {
  const files = held.get(part.replaceAll('`', '')) ?? []

  expect(files).not.toEqual([])
  expect(files.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([])
})
