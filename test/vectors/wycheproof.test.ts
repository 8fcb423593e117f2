import { describe, expect, test } from 'vitest'
import { derToP1363 } from '../../src/crypto/der.ts'
import { hashBytes } from '../../src/crypto/digest.ts'
import {
  parsePublicKeyPem,
  parsePublicKeySpki,
  type PublicKeyInfo,
} from '../../src/crypto/public-key.ts'
import {
  createStreamVerifier,
  verifyDigest,
  verifyMessage,
  verifyMessageOnPool,
} from '../../src/crypto/verify.ts'
import { CountersignError } from '../../src/errors.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

type Result = 'valid' | 'invalid' | 'acceptable'

interface Group {
  readonly publicKeyDer?: string
  readonly publicKey?: { readonly pk?: string }
  readonly publicKeyPem?: string
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig: string
    readonly result: Result
  }[]
}

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

/** Each file, the algorithm of its keys, and whether its signatures are DER. */
const FILES = [
  ['ecdsa_secp256r1_sha256_test.json', 'ES256', 'der'],
  ['ecdsa_secp256r1_sha256_p1363_test.json', 'ES256', 'p1363'],
  ['ecdsa_secp384r1_sha384_test.json', 'ES384', 'der'],
  ['ecdsa_secp521r1_sha512_p1363_test.json', 'ES512', 'p1363'],
  ['rsa_signature_2048_sha256_test.json', 'RS256', 'raw'],
  ['rsa_signature_3072_sha384_test.json', 'RS384', 'raw'],
  ['rsa_signature_4096_sha512_test.json', 'RS512', 'raw'],
  ['rsa_pss_2048_sha256_mgf1_32_test.json', 'PS256', 'raw'],
  ['rsa_pss_3072_sha256_mgf1_32_test.json', 'PS256', 'raw'],
  ['rsa_pss_4096_sha512_mgf1_64_test.json', 'PS512', 'raw'],
  ['ed25519_test.json', 'EdDSA', 'raw'],
] as const

/** Converts DER at the edge, as every caller does; malformed DER is not a signature. */
function toSignature(key: PublicKeyInfo, sig: Uint8Array, form: string): Uint8Array | undefined {
  if (form !== 'der' || key.algorithm.family !== 'ecdsa') return sig
  try {
    return derToP1363(sig, key.algorithm.curve)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return undefined
    throw error
  }
}

/** All shapes of the check must agree. */
async function verdict(key: PublicKeyInfo, msg: Uint8Array, sig: Uint8Array): Promise<boolean> {
  const whole = verifyMessage(key, msg, sig)
  expect(await verifyMessageOnPool(key, msg, sig)).toBe(whole)
  const { hash } = key.algorithm
  if (hash !== undefined) {
    const stream = createStreamVerifier(key.algorithm)
    stream?.update(msg.subarray(0, 3))
    stream?.update(msg.subarray(3))
    expect(stream?.verify(key, sig)).toBe(whole)
    expect(await verifyDigest(key, hashBytes(hash, msg), sig)).toBe(whole)
  }
  return whole
}

describeVectors('wycheproof', () => {
  test.each(FILES)(
    '%s: every valid signature verifies and no invalid one',
    async (file, alg, form) => {
      const { testGroups } = readVectorJson<{ testGroups: readonly Group[] }>(`wycheproof/${file}`)
      const wrong: string[] = []
      for (const group of testGroups) {
        const key = parsePublicKeySpki(bytes(group.publicKeyDer ?? ''), alg)
        for (const { tcId, msg, sig, result } of group.tests) {
          const signature = toSignature(key, bytes(sig), form)
          const ok = signature !== undefined && (await verdict(key, bytes(msg), signature))
          if (result !== 'acceptable' && ok !== (result === 'valid'))
            wrong.push(`${tcId} ${result}`)
        }
      }
      expect(wrong).toStrictEqual([])
    },
  )

  test('keys on secp256k1 are refused', () => {
    const file = 'wycheproof/ecdsa_secp256k1_sha256_p1363_test.json'
    const { testGroups } = readVectorJson<{ testGroups: readonly Group[] }>(file)
    for (const { publicKeyDer = '' } of testGroups) {
      expect(() => parsePublicKeySpki(bytes(publicKeyDer))).toThrow(
        expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
      )
    }
  })

  interface Import {
    readonly cases: readonly {
      readonly id: string
      readonly pem: string
      readonly expect: string
    }[]
  }

  describe('ec_public_key_import_secp256r1.json', () => {
    const { cases } = readVectorJson<Import>('wycheproof/ec_public_key_import_secp256r1.json')
    test(`${cases.length} keys are imported or refused as they must`, () => {
      const wrong = cases.filter(({ pem, expect: wanted }) => {
        let accepted = true
        try {
          parsePublicKeyPem(pem)
        } catch (error) {
          if (!CountersignError.is(error, 'ERR_KEY_INVALID')) throw error
          accepted = false
        }
        return wanted === 'accept' ? !accepted : wanted.startsWith('reject') && accepted
      })
      expect(wrong).toStrictEqual([])
    })
  })
})
