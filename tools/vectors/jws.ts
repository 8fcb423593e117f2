/** JWS in the compact form (RFC 7515): every algorithm, and one token changed in header, encoding and form. */
import { createHmac } from 'node:crypto'
import { ownPublicKey } from '../../test/support/own-vectors.ts'
import { headerCases, tokenCase } from './jws-headers.ts'
import type { MadeCase, MadeGroup, Maker } from './made.ts'
import {
  base64url,
  KEY_OF,
  publicJwk,
  signFixed,
  signToken,
  TOKEN_PAYLOAD as PAYLOAD,
} from './sign.ts'

/** The vectors of signed tokens. */
export const jws: Maker = {
  format: 'jws',
  made: 'Signed with the test keys; every changed header and payload is signed again, so only the rule in question is broken. Changes of the encoding keep the signature right for a lenient reader.',
  make: () => [...Object.keys(KEY_OF).map(rightGroup), changedGroup()],
}

const ONE_TEXT =
  'base64url has no padding, blanks or unused bits (RFC 7515 section 2; RFC 4648 section 3.5)'

function rightGroup(algorithm: string): MadeGroup {
  const key = KEY_OF[algorithm] ?? ''
  const token = signToken(JSON.stringify({ alg: algorithm }), PAYLOAD, algorithm)
  const [head = '', , signature = ''] = token.split('.')
  const others = Object.keys(KEY_OF).filter((name) => name !== algorithm)
  // The two names of Ed25519 are of one algorithm.
  const isSame = (name: string): boolean => name.startsWith('Ed') && algorithm.startsWith('Ed')
  const cases: readonly MadeCase[] = [
    tokenCase('right', 'a signed token', token, { valid: true }),
    tokenCase(
      'other-payload',
      'another payload',
      `${head}.${base64url('{"sub":"tess"}')}.${signature}`,
    ),
    tokenCase('not-signed', 'no signature', `${head}.${base64url(PAYLOAD)}.`),
    ...others
      .filter((name) => !isSame(name))
      .map((name) =>
        tokenCase(
          `as-${name}`,
          `signed by ${name} with its own key`,
          signToken(JSON.stringify({ alg: name }), PAYLOAD, name),
        ),
      ),
    ...others
      .filter((name) => !isSame(name))
      .map((name) => {
        const input = `${base64url(JSON.stringify({ alg: name }))}.${base64url(PAYLOAD)}`
        const made = signFixed(algorithm, Buffer.from(input))
        return tokenCase(
          `named-${name}`,
          `the right signature, named ${name}`,
          `${input}.${base64url(made)}`,
        )
      }),
  ]
  return { group: algorithm, kind: 'jws', algorithm, key, cases }
}

function changedGroup(): MadeGroup {
  const cases = [...headerCases(), ...encodingCases(), ...formCases(), ...confusionCases()]
  return { group: 'ES256 changed', kind: 'jws', algorithm: 'ES256', key: 'p256', cases }
}

/** Signs the parts as they are written: right for a reader that takes them. */
function signWritten(head: string, payload: string): string {
  const input = `${head}.${payload}`
  return `${input}.${base64url(signFixed('ES256', Buffer.from(input)))}`
}

function encodingCases(): readonly MadeCase[] {
  const head = base64url('{"alg":"ES256"}')
  const payload = base64url('{"sub":"tes"}')
  const good = signWritten(head, payload)
  const signature = good.slice(good.lastIndexOf('.') + 1)
  const changes: readonly (readonly [string, string, (part: string) => string])[] = [
    ['padded', 'with padding', (part) => part + '='.repeat((4 - (part.length % 4)) % 4 || 1)],
    ['blank-before', 'with a blank before it', (part) => ` ${part}`],
    ['blank-after', 'with a blank after it', (part) => `${part} `],
    ['blank-inside', 'with a blank inside', (part) => `${part.slice(0, 4)} ${part.slice(4)}`],
    ['newline', 'with a line end inside', (part) => `${part.slice(0, 4)}\n${part.slice(4)}`],
    ['crlf', 'with CR LF after it', (part) => `${part}\r\n`],
    ['tab', 'with a tab inside', (part) => `${part.slice(0, 4)}\t${part.slice(4)}`],
    [
      'star',
      'with a character outside of base64',
      (part) => `${part.slice(0, 4)}*${part.slice(4)}`,
    ],
    ['nul', 'with a NUL after it', (part) => `${part}\0`],
    ['percent', 'with %3D after it', (part) => `${part}%3D`],
    ['three-more', 'with three characters more', (part) => `${part}AAA`],
    ['one-less', 'with one character less', (part) => part.slice(0, -1)],
    ['unused-bits', 'with unused bits that are set', withUnusedBits],
  ]
  const parts = changes.flatMap(([id, comment, change]) => {
    const about = { rule: ONE_TEXT }
    return [
      // A header of 15 bytes has no unused bits; one of 16 has.
      tokenCase(
        `encoding-header-${id}`,
        `the header ${comment}`,
        signWritten(change(base64url('{"alg":"ES256" }')), payload),
        about,
      ),
      tokenCase(
        `encoding-payload-${id}`,
        `the payload ${comment}`,
        signWritten(head, change(payload)),
        about,
      ),
      tokenCase(
        `encoding-signature-${id}`,
        `the signature ${comment}`,
        `${head}.${payload}.${change(signature)}`,
        about,
      ),
    ]
  })
  const standard = signWritten(
    head,
    Buffer.from('{"sub":"???>>>"}').toString('base64').replace('=', ''),
  )
  return [
    tokenCase('encoding-right', 'what the following cases change', good, { valid: true }),
    ...parts,
    tokenCase('encoding-standard', 'a payload in base64', standard, { rule: ONE_TEXT }),
    tokenCase('encoding-empty-payload', 'an empty payload', signWritten(head, ''), { valid: true }),
    tokenCase(
      'encoding-binary-payload',
      'a payload that is not text',
      signWritten(head, base64url(Buffer.of(0xff, 0, 1))),
      { valid: true },
    ),
  ]
}

/** Sets the last bit of the last character, which stands for nothing where bits are left over. */
function withUnusedBits(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const at = alphabet.indexOf(part.slice(-1))
  return `${part.slice(0, -1)}${alphabet[at ^ 1] ?? ''}`
}

function formCases(): readonly MadeCase[] {
  const token = signToken('{"alg":"ES256"}')
  const [head = '', payload = '', signature = ''] = token.split('.')
  const json = (value: object): string => JSON.stringify(value)
  const rule = 'only the compact form with three parts is read (RFC 7515 section 7.1; ours)'
  const texts: readonly (readonly [string, string, string])[] = [
    ['nothing', 'no character', ''],
    ['dots', 'two dots', '..'],
    ['one-part', 'the header alone', head],
    ['two-parts', 'without the signature', `${head}.${payload}`],
    ['no-header', 'an empty header', `.${payload}.${signature}`],
    ['no-payload', 'without its payload', `${head}..${signature}`],
    ['no-signature', 'an empty signature', `${head}.${payload}.`],
    ['four-parts', 'a fourth part', `${token}.${signature}`],
    ['four-parts-empty', 'a fourth part that is empty', `${token}.`],
    ['five-parts', 'five parts, as encryption has', `${token}..`],
    ['leading-dot', 'a dot before it', `.${token}`],
    ['exchanged', 'header and payload exchanged', `${payload}.${head}.${signature}`],
    ['blank-before', 'a blank before it', ` ${token}`],
    ['newline-after', 'a line end after it', `${token}\n`],
    ['bearer', 'the scheme before it', `Bearer ${token}`],
    ['quoted', 'in quotes', `"${token}"`],
    ['slashes', 'joined by slashes', token.replaceAll('.', '/')],
    ['json-flat', 'the flattened JSON form', json({ protected: head, payload, signature })],
    [
      'json-general',
      'the general JSON form',
      json({ payload, signatures: [{ protected: head, signature }] }),
    ],
    ['twice', 'two tokens', `${token},${token}`],
    [
      'long',
      'over 65536 characters',
      signToken('{"alg":"ES256"}', `{"a":"${'x'.repeat(49_200)}"}`),
    ],
    ['sd-jwt', 'a tilde after it', `${token}~`],
  ]
  return texts.map(([id, comment, data]) => tokenCase(`form-${id}`, comment, data, { rule }))
}

/** Keys of the attacker's choice, and the public key as a secret. */
function confusionCases(): readonly MadeCase[] {
  const withKey = (id: string, comment: string, header: object): MadeCase => {
    const input = `${base64url(JSON.stringify(header))}.${base64url(PAYLOAD)}`
    const other = signFixed('EdDSA', Buffer.from(input))
    return tokenCase(`confusion-${id}`, comment, `${input}.${base64url(other)}`)
  }
  const hmac = (id: string, comment: string, secret: string | Uint8Array): MadeCase => {
    const input = `${base64url('{"alg":"HS256"}')}.${base64url(PAYLOAD)}`
    const mac = createHmac('sha256', secret).update(input).digest('base64url')
    return tokenCase(`confusion-${id}`, comment, `${input}.${mac}`)
  }
  const key = ownPublicKey('p256')
  const der = (value: string): string => {
    const [first = '', second = '', signature = ''] = value.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const numbers = [bytes.subarray(0, 32), bytes.subarray(32)].map((number) => {
      const padded = number.readUInt8(0) < 0x80 ? number : Buffer.concat([Buffer.of(0), number])
      return Buffer.concat([Buffer.of(2, padded.length), padded])
    })
    const content = Buffer.concat(numbers)
    return `${first}.${second}.${base64url(Buffer.concat([Buffer.of(0x30, content.length), content]))}`
  }
  return [
    withKey('jwk', 'a key in the header', { alg: 'EdDSA', jwk: publicJwk('ed25519') }),
    withKey('jku', 'the address of a key set in the header', {
      alg: 'EdDSA',
      jku: 'https://attacker.example/jwks.json',
    }),
    withKey('jwk-es256', 'a key in the header, named ES256', {
      alg: 'ES256',
      jwk: publicJwk('ed25519'),
    }),
    hmac(
      'hmac-pem',
      'an HMAC with the PEM of the public key',
      key.export({ type: 'spki', format: 'pem' }),
    ),
    hmac(
      'hmac-der',
      'an HMAC with the DER of the public key',
      key.export({ type: 'spki', format: 'der' }),
    ),
    hmac('hmac-empty', 'an HMAC with an empty secret', ''),
    tokenCase('confusion-der', 'a signature in DER', der(signToken('{"alg":"ES256"}'))),
    tokenCase(
      'confusion-zeros',
      'a signature of zeros',
      `${base64url('{"alg":"ES256"}')}.${base64url(PAYLOAD)}.${base64url(Buffer.alloc(64))}`,
    ),
    tokenCase(
      'confusion-short',
      'a signature of one byte',
      `${base64url('{"alg":"ES256"}')}.${base64url(PAYLOAD)}.AA`,
    ),
  ]
}
