import { expect, test } from 'vitest'
import { labelsOf } from '../../src/log/entry-labels.ts'
import { blockOf, scopeOf } from '../../src/log/label-scope.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'

const scopesOf = (labels: readonly string[]): Record<string, string> =>
  Object.fromEntries(labels.map((label) => [label.split(':', 1)[0] ?? '', scopeOf(label)]))

test('a label of most entries is frequent, and a label of one entry is unique', () => {
  expect(scopesOf(labelsOf(signatureEntry(1)))).toEqual({
    type: 'frequent',
    key: 'frequent',
    kid: 'frequent',
    digest: 'unique',
    bundle: 'unique',
  })
})

test('a change of a version is rare, however many signatures there are', () => {
  const labels = labelsOf(stateEntry(1, { to: 'active', action: 'activate', sequence: 1 }))

  expect(scopesOf(labels)).toEqual({
    type: 'rare',
    key: 'frequent',
    kid: 'frequent',
    state: 'rare',
  })
})

test.each(['digest:state:kid-1', 'jti:type:state', 'other', ''])(
  'no value that a caller chooses makes "%s" rare',
  (label) => {
    expect(scopeOf(label)).toBe('unique')
  },
)

test.each([
  [0, 0],
  [63, 0],
  [64, 64],
  [200, 192],
])('entry %i is in the block from %i on', (index, block) => {
  expect(blockOf(index)).toBe(block)
})
