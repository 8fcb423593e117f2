/** Public keys as JWK (RFC 7517). */
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import {
  KINDS,
  numbersOf,
  POINTS_OF_SMALL_ORDER,
  SOUND,
  STRENGTH,
  type Text,
  toCases,
  weakNumbers,
} from './key-material.ts'
import { type MadeGroup, toBytes } from './made.ts'

type Jwk = Readonly<Record<string, unknown>>

function base64url(number: bigint): string {
  return toBytes(number).toString('base64url')
}

/** Keys with each member in turn missing, of another type, or of another value. */
export function jwkKeys(): MadeGroup {
  const jwkOf = (key: string): Jwk => ({ ...ownPublicKey(key).export({ format: 'jwk' }) })
  const [ec, rsa, okp] = [jwkOf('p256'), jwkOf('rsa2048'), jwkOf('ed25519')]
  const text = (id: string, comment: string, jwk: Jwk, rule?: string): Text => [
    id,
    comment,
    JSON.stringify(jwk),
    rule,
  ]
  const { n, e } = numbersOf('rsa2048')
  const MEMBERS = 'members have the types and values of RFC 7517 section 4 and RFC 7518 section 6'
  const PURPOSE = '"use" and "key_ops" allow verifying (RFC 7517 sections 4.2 and 4.3)'
  const long = (member: unknown): string =>
    Buffer.concat([Buffer.of(0), Buffer.from(String(member), 'base64url')]).toString('base64url')
  const spread = (jwk: Jwk, changes: Jwk): Jwk => ({ ...jwk, ...changes })
  const right = [
    ...['p256', 'p384', 'p521', 'rsa2048', 'rsa2048-e3', 'rsa4096', 'ed25519'].map((key) =>
      text(key, `a key ${key}`, jwkOf(key)),
    ),
    text('alg', 'with "alg"', spread(ec, { alg: 'ES256' })),
    text('use', 'with "use"', spread(ec, { use: 'sig' })),
    text('key-ops', 'with "key_ops"', spread(ec, { key_ops: ['verify'] })),
    text('kid', 'with "kid"', spread(okp, { kid: 'one' })),
    text('more', 'with a member that is not known', spread(rsa, { note: 'x' })),
    text('ps512', 'an RSA key for PS512', spread(rsa, { alg: 'PS512' })),
  ]
  const wrong = [
    ...['kty', 'crv', 'x', 'y'].map((name) =>
      text(`ec-no-${name}`, `an EC key without "${name}"`, spread(ec, { [name]: undefined })),
    ),
    ...['x', 'crv'].map((name) =>
      text(`okp-no-${name}`, `an OKP key without "${name}"`, spread(okp, { [name]: undefined })),
    ),
    ...['n', 'e'].map((name) =>
      text(`rsa-no-${name}`, `an RSA key without "${name}"`, spread(rsa, { [name]: undefined })),
    ),
    ...['x', 'y'].map((name) =>
      text(
        `ec-padded-${name}`,
        `"${name}" with padding`,
        spread(ec, { [name]: `${String(ec[name])}=` }),
        MEMBERS,
      ),
    ),
    ...['x', 'y'].map((name) =>
      text(
        `ec-long-${name}`,
        `"${name}" with a zero before it`,
        spread(ec, { [name]: long(ec[name]) }),
        MEMBERS,
      ),
    ),
    text('ec-blank', 'a blank in "x"', spread(ec, { x: ` ${String(ec['x'])}` }), MEMBERS),
    text('ec-number', '"x" is a number', spread(ec, { x: 1 })),
    text('ec-off-curve', 'a point that is not on the curve', spread(ec, { y: ec['x'] })),
    text('ec-zeros', 'the point 0, 0', spread(ec, { x: 'A'.repeat(43), y: 'A'.repeat(43) })),
    text('ec-other-curve', 'the point under P-384', spread(ec, { crv: 'P-384' })),
    text('ec-alg', '"alg" of another curve', spread(ec, { alg: 'ES384' }), MEMBERS),
    text('ec-alg-rsa', '"alg" of RSA', spread(ec, { alg: 'RS256' }), MEMBERS),
    text('ec-alg-none', '"alg" is none', spread(ec, { alg: 'none' }), MEMBERS),
    text('ec-alg-null', '"alg" is null', spread(ec, { alg: null }), MEMBERS),
    text('ec-alg-number', '"alg" is a number', spread(ec, { alg: 1 })),
    text('ec-crv-lower', 'the curve in lower case', spread(ec, { crv: 'p-256' })),
    text('ec-kty-lower', 'the type in lower case', spread(ec, { kty: 'ec' })),
    text('kty-okp', 'an EC key as OKP', spread(ec, { kty: 'OKP' })),
    text('kty-rsa', 'an EC key as RSA', spread(ec, { kty: 'RSA' })),
    text('kty-proto', 'a type that is a member of every object', spread(ec, { kty: 'toString' })),
    text('secp256k1', 'a key on secp256k1', jwkOf('secp256k1'), KINDS),
    text('ed448', 'a key of Ed448', jwkOf('ed448'), KINDS),
    text('x25519', 'a key of X25519', jwkOf('x25519'), KINDS),
    text(
      'oct',
      'a symmetric key',
      { kty: 'oct', k: 'c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0' },
      KINDS,
    ),
    text(
      'private-ec',
      'a private EC key',
      { ...ownPrivateKey('p256').export({ format: 'jwk' }) },
      'a private key is not published',
    ),
    text(
      'private-okp',
      'a private OKP key',
      { ...ownPrivateKey('ed25519').export({ format: 'jwk' }) },
      'a private key is not published',
    ),
    text('use-enc', 'a key for encryption', spread(ec, { use: 'enc' }), PURPOSE),
    text('use-null', '"use" is null', spread(ec, { use: null }), PURPOSE),
    text('ops-sign', 'a key for signing alone', spread(ec, { key_ops: ['sign'] }), PURPOSE),
    text('ops-none', 'a key for no operation', spread(ec, { key_ops: [] }), PURPOSE),
    text(
      'ops-twice',
      'an operation named twice',
      spread(ec, { key_ops: ['verify', 'verify'] }),
      PURPOSE,
    ),
    text('ops-text', '"key_ops" is a text', spread(ec, { key_ops: 'verify' }), PURPOSE),
    text('rsa-padded', '"n" with a zero before it', spread(rsa, { n: long(rsa['n']) }), MEMBERS),
    text('rsa-e-padded', '"e" with a zero before it', spread(rsa, { e: long(rsa['e']) }), MEMBERS),
    text(
      'rsa-base64',
      '"n" in base64',
      spread(rsa, { n: Buffer.from(toBytes(n)).toString('base64') }),
    ),
    ...weakNumbers().map(([id, comment, weak]) =>
      text(
        `rsa-${id}`,
        comment,
        { kty: 'RSA', n: base64url(weak.n), e: base64url(weak.e) },
        STRENGTH,
      ),
    ),
    text(
      'rsa-exchanged',
      '"n" and "e" exchanged',
      { kty: 'RSA', n: base64url(e), e: base64url(n) },
      STRENGTH,
    ),
    ...POINTS_OF_SMALL_ORDER.map((encoded, index) =>
      text(
        `okp-small-${index}`,
        'an Ed25519 point that must not be trusted',
        spread(okp, { x: Buffer.from(encoded, 'hex').toString('base64url') }),
        SOUND,
      ),
    ),
    text(
      'okp-short',
      'an Ed25519 key of 31 bytes',
      spread(okp, { x: String(okp['x']).slice(0, -2) }),
    ),
    text('okp-alg', '"alg" of ECDSA', spread(okp, { alg: 'ES256' }), MEMBERS),
    text('empty', 'no member at all', {}, MEMBERS),
  ]
  return {
    group: 'JWK',
    kind: 'public-key',
    form: 'jwk',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}
