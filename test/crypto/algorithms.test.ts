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
  '"%s" is no algorithm',
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

test('backends know the algorithms by the names they publish', () => {
  const table = ALGORITHM_NAMES.map((name) => [name, ALGORITHMS[name].kms, ALGORITHMS[name].pkcs11])
  expect(table).toStrictEqual([
    ['ES256', 'ECDSA_SHA_256', 'CKM_ECDSA'],
    ['ES384', 'ECDSA_SHA_384', 'CKM_ECDSA'],
    ['ES512', 'ECDSA_SHA_512', 'CKM_ECDSA'],
    ['RS256', 'RSASSA_PKCS1_V1_5_SHA_256', 'CKM_RSA_PKCS'],
    ['RS384', 'RSASSA_PKCS1_V1_5_SHA_384', 'CKM_RSA_PKCS'],
    ['RS512', 'RSASSA_PKCS1_V1_5_SHA_512', 'CKM_RSA_PKCS'],
    ['PS256', 'RSASSA_PSS_SHA_256', 'CKM_RSA_PKCS_PSS'],
    ['PS384', 'RSASSA_PSS_SHA_384', 'CKM_RSA_PKCS_PSS'],
    ['PS512', 'RSASSA_PSS_SHA_512', 'CKM_RSA_PKCS_PSS'],
    ['EdDSA', 'ED25519_SHA_512', 'CKM_EDDSA'],
    ['Ed25519', 'ED25519_SHA_512', 'CKM_EDDSA'],
  ])
})
