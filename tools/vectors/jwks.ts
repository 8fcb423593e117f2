/** Which key of a set a token is verified with, and sets that must not be read. */
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import type { MadeCase, Maker } from './made.ts'
import { publicJwk, signToken } from './sign.ts'

/** The vectors of key sets. */
export const jwks: Maker = {
  format: 'jwks',
  made: 'One token by the ES256 test key and others, each with the set that it is verified with; keys without "alg" count for the usual algorithm of their kind.',
  make: () => [
    { group: 'selection', kind: 'jwks', cases: [...selected(), ...refused(), ...malformed()] },
  ],
}

interface Verification {
  readonly set: unknown
  readonly header?: object
  readonly algorithm?: string
}

const KEY = publicJwk('p256', { kid: 'one' })
const OTHER = publicJwk('p256-other', { kid: 'other' })
const RULE_KEY =
  'a key is used for what its members allow, and one that is malformed is skipped (RFC 7517 sections 4 and 5)'
const RULE_SET = 'a set is an object with a list of objects (RFC 7517 section 5)'

function caseOf(
  [id, comment, { set, header = { alg: 'ES256', kid: 'one' }, algorithm = 'ES256' }, rule]: Row,
  valid: boolean,
): MadeCase {
  const token = signToken(JSON.stringify(header), undefined, algorithm)
  const text = typeof set === 'string' ? set : JSON.stringify(set)
  return { id, comment, set: text, token, valid, ...(rule !== undefined && { rule }) }
}

type Row = readonly [
  id: string,
  comment: string,
  verification: Verification,
  rule?: string | undefined,
]

function selected(): readonly MadeCase[] {
  const set = { keys: [OTHER, KEY] }
  const rows: readonly Row[] = [
    ['by-kid', 'the key of the kid', { set }],
    [
      'one-key',
      'the one key, without a kid in the token',
      { set: { keys: [KEY] }, header: { alg: 'ES256' } },
    ],
    [
      'by-algorithm',
      'the one key of the algorithm, without a kid',
      { set: { keys: [publicJwk('p384'), KEY, publicJwk('rsa2048')] }, header: { alg: 'ES256' } },
    ],
    [
      'same-kid-other-algorithm',
      'two keys of one kid, one of the algorithm',
      { set: { keys: [publicJwk('p384', { kid: 'one' }), KEY] } },
      'a kid need not be unique (RFC 7517 section 4.5)',
    ],
    [
      'same-kid-same-algorithm',
      'two keys of one kid and algorithm',
      { set: { keys: [publicJwk('p256-other', { kid: 'one' }), KEY] } },
      'a kid need not be unique (RFC 7517 section 4.5); up to four keys are tried',
    ],
    [
      'unknown-kind',
      'beside a key of an unknown kind',
      { set: { keys: [{ kty: 'new', kid: 'new' }, KEY] } },
      RULE_KEY,
    ],
    [
      'symmetric-beside',
      'beside a symmetric key',
      { set: { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'two' }, KEY] } },
    ],
    [
      'unknown-members',
      'with members that are not known',
      { set: { keys: [{ ...KEY, note: 1 }], note: {} } },
    ],
    ['alg', 'a key with "alg"', { set: { keys: [{ ...KEY, alg: 'ES256', use: 'sig' }] } }],
    [
      'rsa',
      'an RSA key without "alg" for RS256',
      {
        set: { keys: [publicJwk('rsa2048', { kid: 'one' })] },
        header: { alg: 'RS256', kid: 'one' },
        algorithm: 'RS256',
      },
    ],
    [
      'rsa-alg',
      'an RSA key with "alg" for PS384',
      {
        set: { keys: [publicJwk('rsa2048', { kid: 'one', alg: 'PS384' })] },
        header: { alg: 'PS384', kid: 'one' },
        algorithm: 'PS384',
      },
    ],
    [
      'okp',
      'an Ed25519 key',
      {
        set: { keys: [publicJwk('ed25519', { kid: 'one' })] },
        header: { alg: 'EdDSA', kid: 'one' },
        algorithm: 'EdDSA',
      },
    ],
    [
      'long-kid',
      'a kid of other characters',
      {
        set: { keys: [{ ...KEY, kid: 'ключ/1 "x"' }] },
        header: { alg: 'ES256', kid: 'ключ/1 "x"' },
      },
    ],
  ]
  return rows.map((row) => caseOf(row, true))
}

function refused(): readonly MadeCase[] {
  const one = (changes: object): Verification => ({ set: { keys: [{ ...KEY, ...changes }] } })
  const rows: readonly Row[] = [
    ['no-keys', 'a set without keys', { set: { keys: [] } }],
    [
      'other-key',
      'another key under the kid',
      { set: { keys: [publicJwk('p256-other', { kid: 'one' })] } },
    ],
    [
      'unknown-kid',
      'a kid that is not in the set',
      { set: { keys: [KEY] }, header: { alg: 'ES256', kid: 'two' } },
    ],
    [
      'kid-case',
      'the kid in upper case',
      { set: { keys: [KEY] }, header: { alg: 'ES256', kid: 'ONE' } },
    ],
    [
      'kid-prefix',
      'the beginning of the kid',
      { set: { keys: [KEY] }, header: { alg: 'ES256', kid: 'on' } },
    ],
    ['kid-empty', 'an empty kid', { set: { keys: [KEY] }, header: { alg: 'ES256', kid: '' } }],
    [
      'ambiguous',
      'no kid, and two keys of the algorithm',
      { set: { keys: [OTHER, KEY] }, header: { alg: 'ES256' } },
    ],
    [
      'private',
      'a private key',
      one({ ...ownPrivateKey('p256').export({ format: 'jwk' }) }),
      RULE_KEY,
    ],
    ['use-enc', 'a key for encryption', one({ use: 'enc' }), RULE_KEY],
    ['use-number', '"use" is a number', one({ use: 1 }), RULE_KEY],
    ['ops-sign', 'a key for signing alone', one({ key_ops: ['sign'] }), RULE_KEY],
    ['ops-null', '"key_ops" is null', one({ key_ops: null }), RULE_KEY],
    ['ops-text', '"key_ops" is a text', one({ key_ops: 'verify' }), RULE_KEY],
    ['ops-twice', 'an operation named twice', one({ key_ops: ['verify', 'verify'] }), RULE_KEY],
    ['alg-other', 'a key of another algorithm', one({ alg: 'ES384' }), RULE_KEY],
    ['alg-encryption', 'a key of an algorithm of encryption', one({ alg: 'ECDH-ES' }), RULE_KEY],
    ['kid-number', 'a kid that is a number', one({ kid: 1 })],
    ['kid-null', 'a kid that is null', one({ kid: null })],
    ['crv-other', 'another curve', one({ crv: 'P-384' })],
    ['off-curve', 'a point that is not on the curve', one({ y: 'A'.repeat(43) })],
    [
      'rsa-other-alg',
      'an RSA key of RS256 for PS256',
      {
        set: { keys: [publicJwk('rsa2048', { kid: 'one', alg: 'RS256' })] },
        header: { alg: 'PS256', kid: 'one' },
        algorithm: 'PS256',
      },
      RULE_KEY,
    ],
    [
      'rsa-no-alg-pss',
      'an RSA key without "alg" for PS256',
      {
        set: { keys: [publicJwk('rsa2048', { kid: 'one' })] },
        header: { alg: 'PS256', kid: 'one' },
        algorithm: 'PS256',
      },
      'an RSA key without "alg" counts for RS256 unless the caller accepts other algorithms (ours)',
    ],
    [
      'rsa-weak',
      'an RSA key of 1024 bits',
      { set: { keys: [publicJwk('rsa1024', { kid: 'one' })] } },
    ],
    [
      'hmac',
      'the secret of an HMAC under the kid',
      { set: { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'one' }] } },
    ],
    [
      'certificate',
      'a key in "x5c" alone',
      {
        set: {
          keys: [
            {
              kid: 'one',
              x5c: [
                ownPublicKey('p256').export({ type: 'spki', format: 'der' }).toString('base64'),
              ],
            },
          ],
        },
      },
    ],
  ]
  return rows.map((row) => caseOf(row, false))
}

function malformed(): readonly MadeCase[] {
  const key = JSON.stringify(KEY)
  const texts: readonly (readonly [string, string, string])[] = [
    ['nothing', 'no text', ''],
    ['null', 'null', 'null'],
    ['list', 'a list of keys', `[${key}]`],
    ['key', 'a key alone', key],
    ['keys-null', '"keys" is null', '{"keys":null}'],
    ['keys-object', '"keys" is an object', `{"keys":{"0":${key}}}`],
    ['keys-text', '"keys" is a text', '{"keys":"none"}'],
    ['key-null', 'a key that is null', `{"keys":[null,${key}]}`],
    ['key-list', 'a key that is a list', `{"keys":[[],${key}]}`],
    ['key-text', 'a key that is a text', `{"keys":["",${key}]}`],
    ['keys-twice', '"keys" named twice', `{"keys":[],"keys":[${key}]}`],
    ['member-twice', 'a member of a key named twice', `{"keys":[{"kid":"two",${key.slice(1)}]}`],
    ['comma', 'a comma too many', `{"keys":[${key},]}`],
    ['trailing', 'text after the end', `{"keys":[${key}]} x`],
    ['bom', 'a byte order mark', `\ufeff{"keys":[${key}]}`],
    [
      'many',
      '257 keys',
      `{"keys":[${Array.from({ length: 257 }, () => '{"kty":"x"}').join(',')},${key}]}`,
    ],
  ]
  return texts.map(([id, comment, set]) => caseOf([`set-${id}`, comment, { set }, RULE_SET], false))
}
