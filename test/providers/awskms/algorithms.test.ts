import { expect, test } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS } from '../../../src/crypto/algorithms.ts'
import { toKeySpec, toSigningAlgorithm } from '../../../src/providers/awskms/algorithms.ts'

test('KMS knows the algorithms by the names it publishes', () => {
  const table = ALGORITHM_NAMES.map((name) => [
    name,
    toSigningAlgorithm(ALGORITHMS[name]),
    toKeySpec(ALGORITHMS[name], () => 3072),
  ])

  expect(table).toStrictEqual([
    ['ES256', 'ECDSA_SHA_256', 'ECC_NIST_P256'],
    ['ES384', 'ECDSA_SHA_384', 'ECC_NIST_P384'],
    ['ES512', 'ECDSA_SHA_512', 'ECC_NIST_P521'],
    ['RS256', 'RSASSA_PKCS1_V1_5_SHA_256', 'RSA_3072'],
    ['RS384', 'RSASSA_PKCS1_V1_5_SHA_384', 'RSA_3072'],
    ['RS512', 'RSASSA_PKCS1_V1_5_SHA_512', 'RSA_3072'],
    ['PS256', 'RSASSA_PSS_SHA_256', 'RSA_3072'],
    ['PS384', 'RSASSA_PSS_SHA_384', 'RSA_3072'],
    ['PS512', 'RSASSA_PSS_SHA_512', 'RSA_3072'],
    ['EdDSA', 'ED25519_SHA_512', 'ECC_NIST_EDWARDS25519'],
    ['Ed25519', 'ED25519_SHA_512', 'ECC_NIST_EDWARDS25519'],
  ])
})
