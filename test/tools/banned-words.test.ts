import { expect, test } from 'vitest'
import { findBannedWords } from '../../tools/check/banned-words.ts'

const WORDS = 'Whoever whomever somebody Nobody anybody anyone stranger strangers untold'.split(' ')

test.for([...WORDS, 'wanted is'])('"%s" is found, with its line', (word) => {
  const [finding, ...more] = findBannedWords('src/a.ts', `first line\n// reads: ${word}, here\n`)

  expect(finding).toContain(`src/a.ts:2: "${word}": `)
  expect(more).toEqual([])
})

test('every banned word of a line is found', () => {
  expect(findBannedWords('a.md', 'Nobody and somebody')).toHaveLength(2)
})

test.for(['ANYBODY', 'namesSomebody', 'mends', 'there is none', 'a port that is none'])(
  '"%s" is found in code',
  (text) => {
    expect(findBannedWords('a.ts', `const a = 1 // ${text}`)).toHaveLength(1)
  },
)

test('longer words are not reported', () => {
  expect(findBannedWords('a.ts', 'const anyBody = estranged(amendment, recommend)')).toEqual([])
})
