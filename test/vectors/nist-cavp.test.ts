import { expect, test } from 'vitest'
import { parsePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { verifyMessage } from '../../src/crypto/verify.ts'
import { CountersignError } from '../../src/errors.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Signatures {
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig?: string
    readonly sig_p1363?: string
    readonly jwk: Readonly<Record<string, unknown>>
    readonly result: string
  }[]
}

describeVectors('nist-cavp', () => {
  test.each([
    ['ecdsa_P-256_SHA-256.json', 'ES256'],
    ['rsa_pkcs1v15_2048_SHA-256.json', 'RS256'],
    ['rsa_pkcs1v15_2048_SHA-384.json', 'RS384'],
    ['rsa_pkcs1v15_2048_SHA-512.json', 'RS512'],
  ])('%s: every signature gets its verdict', (file, algorithm) => {
    const { tests } = readVectorJson<Signatures>(`nist-cavp/${file}`)
    const wrong = tests.filter(({ jwk, msg, sig, sig_p1363, result }) => {
      const key = parsePublicKeyJwk(jwk, algorithm)
      const signature = Buffer.from(sig_p1363 ?? sig ?? '', 'hex')
      return verifyMessage(key, Buffer.from(msg, 'hex'), signature) !== (result === 'valid')
    })
    expect(wrong).toStrictEqual([])
  })

  test.each(['ecdsa_P-256_SHA-384.json', 'ecdsa_P-256_SHA-512.json'])(
    '%s: a P-256 key never verifies with a hash that is not its own',
    (file) => {
      const { tests } = readVectorJson<Signatures>(`nist-cavp/${file}`)
      for (const { jwk, msg, sig_p1363 = '' } of tests) {
        const key = parsePublicKeyJwk(jwk)
        expect(key.algorithm.name).toBe('ES256')
        expect(verifyMessage(key, Buffer.from(msg, 'hex'), Buffer.from(sig_p1363, 'hex'))).toBe(
          false,
        )
      }
    },
  )

  interface Keys {
    readonly cases: readonly {
      readonly id: string
      readonly jwk: Readonly<Record<string, unknown>>
      readonly expect: string
    }[]
  }

  const { cases } = readVectorJson<Keys>('nist-cavp/ec_public_key_validity_jwk.json')
  test.each(cases)('public key $id is imported: $expect', ({ jwk, expect: wanted }) => {
    const attempt = (): string => {
      try {
        parsePublicKeyJwk(jwk)
        return 'accept'
      } catch (error) {
        if (CountersignError.is(error, 'ERR_KEY_INVALID')) return 'reject'
        throw error
      }
    }
    expect(attempt()).toBe(wanted)
  })
})
