import { describe, expect, test } from 'vitest'
import { parsePublicKeyPem, parsePublicKeySpki } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { isAcceptedInEveryShape } from '../support/signature-checks.ts'
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

describeVectors('wycheproof', () => {
  test.each(FILES)(
    '%s: every valid signature verifies and no invalid one',
    async (file, alg, form) => {
      const { testGroups } = readVectorJson<{ testGroups: readonly Group[] }>(`wycheproof/${file}`)
      const wrong: string[] = []
      for (const group of testGroups) {
        const key = parsePublicKeySpki(bytes(group.publicKeyDer ?? ''), alg)
        for (const { tcId, msg, sig, result } of group.tests) {
          const ok = await isAcceptedInEveryShape(key, bytes(msg), bytes(sig), form)
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
