import { expect, test } from 'vitest'
import { parsePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { parseJwks } from '../../src/formats/jwks.ts'
import { parseJws } from '../../src/formats/jws.ts'
import { selectTokenKeys, verifyJws } from '../../src/verification/verify-token.ts'
import { codeOf } from '../support/errors.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

type Jwk = Readonly<Record<string, unknown>>
type Wanted = 'accept' | 'reject'

/** Whether a token verifies with the key it means among those of a set. */
function verdict(jws: string, read: () => ReturnType<typeof parseJwks>): Wanted {
  try {
    const { header } = parseJws(jws)
    const [key] = selectTokenKeys(header, read().keys, { requireKid: false })
    verifyJws(jws, key)
    return 'accept'
  } catch (error) {
    if (CountersignError.is(error)) return 'reject'
    throw error
  }
}

describeVectors('jose', () => {
  interface JwsCase {
    readonly id: string
    readonly jws: unknown
    readonly jwk: Jwk
    readonly expect: Wanted
  }
  const { cases } = readVectorJson<{ cases: readonly JwsCase[] }>('jose/rfc_jws_cases.json')

  test.each(cases.filter(({ jws }) => typeof jws === 'string'))(
    '$id: $expect',
    ({ jws, jwk, expect: wanted }) => {
      expect(verdict(String(jws), () => parseJwks(JSON.stringify({ keys: [jwk] })))).toBe(wanted)
    },
  )

  test.each(cases.filter(({ jws }) => typeof jws !== 'string'))(
    '$id: the JSON form is not read, only the compact one',
    ({ jws }) => {
      expect(codeOf(() => parseJws(JSON.stringify(jws)))).toBe('ERR_JWT_INVALID')
    },
  )

  interface SetCase {
    readonly id: string
    readonly jwks: unknown
    readonly jwt: string
    readonly expect: Wanted
  }
  const selection = readVectorJson<{ cases: readonly SetCase[] }>('jose/jwks_selection.json')

  test.each(selection.cases)('$id: $expect', ({ jwks, jwt, expect: wanted }) => {
    // The one RSA key without `alg` there is a PS256 key: that is the caller's to say, not the token's.
    const read = (): ReturnType<typeof parseJwks> =>
      parseJwks(JSON.stringify(jwks), { algorithms: ['PS256'] })
    expect(verdict(jwt, read)).toBe(wanted)
  })

  test('the public keys of RFC 7517 that verify are read, the one for encryption is not', () => {
    const { jwks } = readVectorJson<{ jwks: unknown }>('jose/rfc7517_A1_jwks.json')
    const set = parseJwks(JSON.stringify(jwks))

    expect(set.keys.map(({ kid }) => kid)).toEqual(['2011-04-29'])
    expect(set.skipped).toHaveLength(1)
  })

  interface Cookbook {
    readonly input: { readonly key: Jwk }
    readonly output: { readonly compact: string }
  }
  test.each(['4_1.rsa_v15_signature', '4_3.ecdsa_signature'])(
    'cookbook %s: the compact form verifies, and no longer with a character changed',
    (file) => {
      const { input, output } = readVectorJson<Cookbook>(`jose/rfc7520-cookbook/jws/${file}.json`)
      const { kty, crv, x, y, n, e, kid } = input.key
      const key = { kid: String(kid), key: parsePublicKeyJwk({ kty, crv, x, y, n, e }) }

      expect(codeOf(() => verifyJws(output.compact, key))).toBe('accepted')
      const changed = output.compact.replace('.S', '.T')
      expect(codeOf(() => verifyJws(changed, key))).toBe('ERR_SIGNATURE_INVALID')
    },
  )

  test('cookbook 4_4: a token with an HMAC is refused', () => {
    const { output } = readVectorJson<Cookbook>(
      'jose/rfc7520-cookbook/jws/4_4.hmac-sha2_integrity_protection.json',
    )
    const jwk = readVectorJson<Jwk>('jose/rfc7520-cookbook/jwk/3_1.ec_public_key.json')
    const key = { kid: 'any', key: parsePublicKeyJwk(jwk) }

    expect(codeOf(() => verifyJws(output.compact, key))).toBe('ERR_JWT_INVALID')
  })
})

describeVectors('notary', () => {
  interface Envelope {
    readonly payload: string
    readonly protected: string
    readonly signature: string
  }
  const { envelopes } = readVectorJson<{ envelopes: readonly { readonly file: string }[] }>(
    'notary/cases.json',
  )

  test.each(envelopes)('$file has unknown critical members', ({ file }) => {
    const envelope = readVectorJson<Envelope>(`notary/${file}`)
    const compact = `${envelope.protected}.${envelope.payload}.${envelope.signature}`

    expect(() => parseJws(compact)).toThrow(/critical extension/)
  })
})

describeVectors('wycheproof', () => {
  interface File {
    readonly testGroups: readonly {
      readonly public?: Jwk
      readonly private?: Jwk
      readonly tests: readonly { readonly tcId: number; readonly jws?: unknown }[]
    }[]
  }
  interface Expectations {
    readonly cases: readonly {
      readonly tcId: number
      readonly group: string
      readonly comment: string
      readonly expect: Wanted | 'not-applicable'
    }[]
  }

  function readCases(
    name: string,
  ): readonly (Expectations['cases'][number] & { readonly jws: string; readonly set: unknown })[] {
    const { testGroups } = readVectorJson<File>(`wycheproof/${name}_test.json`)
    const { cases } = readVectorJson<Expectations>(`wycheproof/${name}.asymmetric_expect.json`)
    return cases.flatMap((one) => {
      const group = testGroups.find(({ tests }) => tests.some(({ tcId }) => tcId === one.tcId))
      const jws = group?.tests.find(({ tcId }) => tcId === one.tcId)?.jws
      const key = group?.public ?? group?.private ?? {}
      const set = 'keys' in key ? key : { keys: [key] }
      return one.expect === 'not-applicable' ? [] : [{ ...one, jws: String(jws), set }]
    })
  }

  test.each([...readCases('json_web_crypto'), ...readCases('json_web_key')])(
    '$group $tcId $comment: $expect',
    ({ jws, set, expect: wanted }) => {
      expect(verdict(jws, () => parseJwks(JSON.stringify(set)))).toBe(wanted)
    },
  )
})
