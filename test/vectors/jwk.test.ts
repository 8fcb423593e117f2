import { expect, test } from 'vitest'
import { parsePublicKeyJwk, serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

type Jwk = Readonly<Record<string, unknown>>

describeVectors('jose', () => {
  const { cases } = readVectorJson<{ cases: readonly { id: string; jwk: Jwk; sha256: string }[] }>(
    'jose/jwk_thumbprints.json',
  )
  test.each(cases)(
    '$id: the kid is the thumbprint, whatever optional members say',
    ({ jwk, sha256 }) => {
      expect(parsePublicKeyJwk(jwk).kid).toBe(sha256)
    },
  )

  test.each(['3_1.ec_public_key.json', '3_3.rsa_public_key.json'])(
    'cookbook key %s is read and written back',
    (file) => {
      const jwk = readVectorJson<Jwk>(`jose/rfc7520-cookbook/jwk/${file}`)
      const written = serializePublicKeyJwk(parsePublicKeyJwk(jwk))
      expect(jwk).toMatchObject(
        Object.fromEntries(
          Object.entries(written).filter(([name]) =>
            ['kty', 'crv', 'x', 'y', 'n', 'e'].includes(name),
          ),
        ),
      )
    },
  )

  test('a private cookbook key is refused where a public one belongs', () => {
    const jwk = readVectorJson<Jwk>('jose/rfc7520-cookbook/jwk/3_2.ec_private_key.json')
    expect(() => parsePublicKeyJwk(jwk)).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
    )
  })
})

describeVectors('wycheproof', () => {
  interface File {
    readonly testGroups: readonly {
      readonly comment: string
      readonly public?: { readonly keys?: readonly Jwk[] } & Jwk
    }[]
  }
  const { testGroups } = readVectorJson<File>('wycheproof/json_web_key_test.json')
  const keyOf = (comment: string): Jwk => {
    const group = testGroups.find((candidate) => candidate.comment === comment)
    return group?.public?.keys?.[0] ?? group?.public ?? {}
  }
  test.each(['jws_rsa_roca_key', 'keysize_too_small', 'exponentOne'])(
    'the key of group %s is refused',
    (comment) => {
      let code: string | undefined
      try {
        parsePublicKeyJwk(keyOf(comment))
      } catch (error) {
        code = CountersignError.is(error) ? error.code : undefined
      }
      expect(code).toBe('ERR_KEY_INVALID')
    },
  )
})
