/** DSSE: the Pre-Authentication Encoding, and envelopes with other payloads, signatures and encodings. */
import { fixedBytes, type MadeCase, type MadeGroup, type Maker } from './made.ts'
import { signEnvelope } from './sign.ts'

/** The vectors of DSSE envelopes. */
export const envelopes: Maker = {
  format: 'envelopes',
  made: 'Signed by the ES256 test key (ECDSA in DER) over the encoding of the DSSE protocol, written by tools/vectors/sign.ts; then the encoding, the members and the signatures are changed.',
  make: () => [encodings(), signed()],
}

const TYPE = 'application/vnd.in-toto+json'
const PAYLOAD = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}')

/** Encodings as the protocol defines them, and ones that are wrong in one thing. */
function encodings(): MadeGroup {
  const pae = (type: string, payload: Uint8Array): string =>
    Buffer.concat([
      Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `),
      payload,
    ]).toString('hex')
  const inputs: readonly (readonly [string, string, string, Uint8Array])[] = [
    ['text', 'a text', 'http://example.com/HelloWorld', Buffer.from('hello world')],
    ['empty', 'an empty payload', TYPE, Buffer.alloc(0)],
    ['empty-type', 'an empty type', '', Buffer.from('a')],
    ['both-empty', 'nothing at all', '', Buffer.alloc(0)],
    ['utf-8', 'a type whose characters take more bytes', 'тип/é🔒', Buffer.from('a')],
    ['binary', 'every byte', TYPE, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['blanks', 'a type with blanks', 'a 1 b', Buffer.from(' 1 ')],
    ['long', '2000 bytes', TYPE, fixedBytes('long', 2000)],
  ]
  const right = inputs.map(([id, comment, type, payload]) => ({
    id,
    comment,
    type,
    payload: Buffer.from(payload).toString('hex'),
    pae: pae(type, payload),
    valid: true,
  }))
  const wrong: readonly (readonly [string, string, string])[] = [
    ['characters', 'the length of the type in characters', 'DSSEv1 3 тип 1 a'],
    ['no-lengths', 'no lengths', 'DSSEv1 тип a'],
    ['version', 'another version', 'DSSEv2 6 тип 1 a'],
    ['padded', 'a length with a zero before it', 'DSSEv1 06 тип 1 a'],
    ['newline', 'a newline in the place of a blank', 'DSSEv1 6 тип 1\na'],
    ['exchanged', 'payload and type exchanged', 'DSSEv1 1 a 6 тип'],
  ]
  const changed = wrong.map(([id, comment, text]) => ({
    id: `wrong-${id}`,
    comment,
    type: 'тип',
    payload: '61',
    pae: Buffer.from(text).toString('hex'),
    valid: false,
  }))
  return { group: 'PAE', kind: 'pae', cases: [...right, ...changed] }
}

type Row = readonly [id: string, comment: string, envelope: unknown, rule?: string]

function toCases(rows: readonly Row[], valid: boolean): readonly MadeCase[] {
  return rows.map(([id, comment, envelope, rule]) => {
    const data = typeof envelope === 'string' ? envelope : JSON.stringify(envelope)
    return { id, comment, data, valid, ...(rule !== undefined && { rule }) }
  })
}

function signed(): MadeGroup {
  const sig = signEnvelope('ES256', TYPE, PAYLOAD)
  const other = signEnvelope('ES256', TYPE, PAYLOAD, { key: 'ed25519' })
  const payload = PAYLOAD.toString('base64')
  const good = { payloadType: TYPE, payload, signatures: [{ sig }] }
  const text = JSON.stringify(good)
  const urlSafe = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_')
  const binary = Buffer.from(Array.from({ length: 96 }, (_, index) => 255 - index))
  const binaryEnvelope = (write: (base64: string) => string): object => ({
    payloadType: TYPE,
    payload: write(binary.toString('base64')),
    signatures: [{ sig: write(signEnvelope('ES256', TYPE, binary)) }],
  })
  const BASE64 = 'base64 is canonical, padded, in one alphabet (RFC 4648; ours)'
  const STRICT = 'members are unique and of their type (ours)'
  const LENIENT = 'URL-safe base64 is allowed by the DSSE envelope, unknown signatures are ignored'
  const right: readonly Row[] = [
    ['one', 'one signature', good],
    ['keyid', 'a key id', { ...good, signatures: [{ keyid: 'one', sig }] }],
    [
      'keyid-other',
      'another key id',
      { ...good, signatures: [{ keyid: 'two', sig }] },
      'a key id is an unauthenticated hint (DSSE protocol)',
    ],
    ['keyid-empty', 'an empty key id', { ...good, signatures: [{ keyid: '', sig }] }],
    [
      'two',
      'a signature of an unknown key before it',
      { ...good, signatures: [{ sig: other }, { sig }] },
      LENIENT,
    ],
    [
      'broken-before',
      'a broken signature before it',
      { ...good, signatures: [{ sig: 'AAAA' }, { sig }] },
      LENIENT,
    ],
    ['twice', 'the signature twice', { ...good, signatures: [{ sig }, { sig }] }],
    ['binary', 'a payload that is not text', binaryEnvelope((base64) => base64)],
    ['url-safe', 'in URL-safe base64', binaryEnvelope(urlSafe), LENIENT],
    ['more', 'members that are not known', { ...good, note: 1, signatures: [{ sig, cert: 'x' }] }],
    ['blanks', 'blanks in the JSON', JSON.stringify(good, undefined, 2)],
    [
      'empty-payload',
      'an empty payload',
      {
        payloadType: TYPE,
        payload: '',
        signatures: [{ sig: signEnvelope('ES256', TYPE, Buffer.alloc(0)) }],
      },
    ],
  ]
  const wrong: readonly Row[] = [
    [
      'other-payload',
      'another payload',
      { ...good, payload: Buffer.from('{}').toString('base64') },
    ],
    ['other-type', 'another type', { ...good, payloadType: 'application/json' }],
    ['type-case', 'the type in upper case', { ...good, payloadType: TYPE.toUpperCase() }],
    ['type-blank', 'a blank after the type', { ...good, payloadType: `${TYPE} ` }],
    ['type-empty', 'an empty type', { ...good, payloadType: '' }],
    [
      'bare',
      'signed over the payload without its encoding',
      { ...good, signatures: [{ sig: signEnvelope('ES256', undefined, PAYLOAD) }] },
    ],
    [
      'over-base64',
      'signed over the base64 of the payload',
      { ...good, signatures: [{ sig: signEnvelope('ES256', TYPE, Buffer.from(payload)) }] },
    ],
    ['other-key', 'signed by another key', { ...good, signatures: [{ sig: other }] }],
    [
      'raw',
      'r and s side by side',
      { ...good, signatures: [{ sig: signEnvelope('ES256', TYPE, PAYLOAD, { form: 'p1363' }) }] },
    ],
    ['no-signatures', 'an empty list of signatures', { ...good, signatures: [] }],
    ['signatures-missing', 'no list of signatures', { payloadType: TYPE, payload }],
    ['signatures-null', 'signatures that are null', { ...good, signatures: null }],
    ['signatures-object', 'an object of signatures', { ...good, signatures: { sig } }],
    ['signature-text', 'a signature that is a text', { ...good, signatures: [sig] }],
    ['sig-missing', 'a signature without "sig"', { ...good, signatures: [{ keyid: 'one' }] }],
    ['sig-empty', 'an empty signature', { ...good, signatures: [{ sig: '' }] }],
    ['sig-number', '"sig" is a number', { ...good, signatures: [{ sig: 1 }] }],
    [
      'sig-cut',
      'a signature without its last byte',
      {
        ...good,
        signatures: [{ sig: Buffer.from(sig, 'base64').subarray(0, -1).toString('base64') }],
      },
    ],
    [
      'sig-star',
      'a signature with a character outside of base64',
      { ...good, signatures: [{ sig: `*${sig}` }] },
    ],
    [
      'sig-blank',
      'a blank in the signature',
      { ...good, signatures: [{ sig: `${sig.slice(0, 4)} ${sig.slice(4)}` }] },
      BASE64,
    ],
    [
      'sig-newline',
      'a line end in the signature',
      { ...good, signatures: [{ sig: `${sig.slice(0, 4)}\n${sig.slice(4)}` }] },
      BASE64,
    ],
    ['keyid-number', 'a key id that is a number', { ...good, signatures: [{ keyid: 1, sig }] }],
    ['payload-missing', 'no payload', { payloadType: TYPE, signatures: [{ sig }] }, STRICT],
    ['payload-null', 'a payload that is null', { ...good, payload: null }, STRICT],
    ['payload-object', 'a payload that is an object', { ...good, payload: {} }],
    ['payload-plain', 'a payload that is not encoded', { ...good, payload: PAYLOAD.toString() }],
    [
      'payload-newline',
      'a line end in the payload',
      { ...good, payload: `${payload.slice(0, 8)}\n${payload.slice(8)}` },
      BASE64,
    ],
    [
      'payload-unpadded',
      'a payload without padding',
      { ...good, payload: payload.replace(/=+$/, '') },
      BASE64,
    ],
    [
      'payload-bits',
      'unused bits of the payload that are set',
      { ...good, payload: withUnusedBits(payload) },
      BASE64,
    ],
    [
      'mixed',
      'both alphabets in one text',
      { ...binaryEnvelope((base64) => base64.replace('/', '_')) },
      BASE64,
    ],
    ['type-missing', 'no type', { payload, signatures: [{ sig }] }],
    ['type-number', 'a type that is a number', { ...good, payloadType: 1 }],
    ['payload-twice', '"payload" named twice', `{"payload":"e30=",${text.slice(1)}`, STRICT],
    ['type-twice', '"payloadType" named twice', `{"payloadType":"x",${text.slice(1)}`, STRICT],
    ['signatures-twice', '"signatures" named twice', `{"signatures":[],${text.slice(1)}`, STRICT],
    [
      'name-case',
      '"Payload" in the place of "payload"',
      text.replace('"payload":', '"Payload":'),
      STRICT,
    ],
    ['list', 'a list of envelopes', `[${text}]`],
    ['null', 'null', 'null'],
    ['nothing', 'no text', ''],
    ['trailing', 'a second envelope', text + text],
    ['comma', 'a comma too many', `${text.slice(0, -1)},}`],
    ['bom', 'a byte order mark', `\ufeff${text}`],
    [
      'too-many',
      '65 signatures',
      { ...good, signatures: Array.from({ length: 65 }, () => ({ sig })) },
      'an envelope has 64 signatures at most (ours)',
    ],
  ]
  return {
    group: 'envelopes by ES256',
    kind: 'envelope',
    algorithm: 'ES256',
    key: 'p256',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}

/** Sets the lowest of the bits that stand for nothing before the padding. */
function withUnusedBits(base64: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const digits = base64.replace(/=+$/, '')
  const at = alphabet.indexOf(digits.slice(-1))
  return digits.slice(0, -1) + (alphabet[at ^ 1] ?? '') + base64.slice(digits.length)
}
