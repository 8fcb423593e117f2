import { expect, test } from 'vitest'
import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  isAlgorithmName,
  isSameAlgorithm,
  resolveAlgorithm,
} from '../../src/crypto/algorithms.ts'
import { codeOf } from '../support/errors.ts'

test('every entry is found by its own name', () => {
  for (const name of ALGORITHM_NAMES) expect(resolveAlgorithm(name).name).toBe(name)
  expect(ALGORITHM_NAMES).toHaveLength(Object.keys(ALGORITHMS).length)
})

test.each(['none', 'HS256', 'es256', 'toString', '__proto__', ''])(
  '"%s" is not an algorithm',
  (name) => {
    expect(isAlgorithmName(name)).toBe(false)
    expect(codeOf(() => resolveAlgorithm(name))).toBe('ERR_ALGORITHM_UNSUPPORTED')
  },
)

test('the two names of Ed25519 are of one algorithm, and no others are', () => {
  for (const name of ALGORITHM_NAMES) {
    const same = ALGORITHM_NAMES.filter((other) => isSameAlgorithm(name, other))
    expect(same).toEqual(name.startsWith('Ed') ? ['EdDSA', 'Ed25519'] : [name])
  }
  for (const name of ['Ed448', 'ed25519', 'none', '__proto__']) {
    expect(isSameAlgorithm(name, 'EdDSA') || isSameAlgorithm(name, name)).toBe(false)
  }
})
