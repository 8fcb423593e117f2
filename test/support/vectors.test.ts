import { expect, test } from 'vitest'
import { readVectorJson, requireVectors, vectorsAvailable } from './vectors.ts'

test('a folder that is nowhere is not available', () => {
  expect(vectorsAvailable('no-such-suite')).toBe(false)
})

test('a vector file is read from beside the project', (context) => {
  requireVectors(context, 'dsse')

  expect(readVectorJson<{ cases?: unknown }>('dsse/cases.json')).toBeTypeOf('object')
})
