/** Time stamps (RFC 3161) as an authority answers, written by hand so that each choice can be made wrongly. */
import { sign } from 'node:crypto'
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { bitString, integer, tlv } from './der.ts'
import { digest, type MadeCase, type Maker } from './made.ts'

/** The vectors of time stamps. */
export const timeStamps: Maker = {
  format: 'time-stamps',
  made: 'Written by tools/vectors/time-stamps.ts in DER and signed by an RSA test key under a certificate that another test key issued, so it is the same in every run. Responses are in base64; `data` is the digest that is stamped.',
  make: () => [{ group: 'responses', kind: 'time-stamp', cases: [...right(), ...wrong()] }],
}

const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(6, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(number: number): readonly number[] {
  const digits = [number & 0x7f]
  for (let left = number >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

const NULL = Buffer.of(5, 0)
const OIDS = {
  signedData: oid('1.2.840.113549.1.7.2'),
  tstInfo: oid('1.2.840.113549.1.9.16.1.4'),
  contentType: oid('1.2.840.113549.1.9.3'),
  messageDigest: oid('1.2.840.113549.1.9.4'),
  signingCertificate: oid('1.2.840.113549.1.9.16.2.47'),
  rsa: oid('1.2.840.113549.1.1.11'),
  data: oid('1.2.840.113549.1.7.1'),
} as const
const HASH_OIDS: Readonly<Record<string, Buffer>> = {
  sha1: oid('1.3.14.3.2.26'),
  sha256: oid('2.16.840.1.101.3.4.2.1'),
  sha384: oid('2.16.840.1.101.3.4.2.2'),
  sha512: oid('2.16.840.1.101.3.4.2.3'),
}
const seq = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts)
const set = (...parts: readonly Uint8Array[]): Buffer =>
  tlv(0x31, ...parts.toSorted((one, other) => Buffer.compare(one, other)))
const hashIdentifier = (hash: string): Buffer => seq(HASH_OIDS[hash] ?? NULL)
const RSA_SHA256 = seq(OIDS.rsa, NULL)

const MESSAGE = Buffer.from('a signature that is stamped')
const DATA = digest('sha256', MESSAGE)

interface Certificate {
  readonly serial?: bigint
  readonly purpose?: string
  readonly from?: string
  readonly until?: string
}

const ROOT_NAME = 'countersign test root'

function nameOf(text: string): Buffer {
  return seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(12, Buffer.from(text)))))
}

function spkiOf(key: string): Buffer {
  return ownPublicKey(key).export({ type: 'spki', format: 'der' })
}

interface Issued {
  readonly spki: Buffer
  readonly name: string
  readonly serial: bigint
  readonly validity: readonly [from: string, until: string]
  readonly extensions: readonly Buffer[]
}

function issue({ extensions, name, serial, spki, validity }: Issued): Buffer {
  const toBeSigned = seq(
    tlv(0xa0, tlv(2, Buffer.of(2))),
    integer(serial),
    RSA_SHA256,
    nameOf(ROOT_NAME),
    seq(...validity.map((time) => tlv(0x18, Buffer.from(time)))),
    nameOf(name),
    spki,
    tlv(0xa3, seq(...extensions)),
  )
  const signature = sign('sha256', toBeSigned, ownPrivateKey('rsa3072'))
  return seq(toBeSigned, RSA_SHA256, bitString(signature))
}

const TRUE = Buffer.of(1, 1, 0xff)

/** The certificate of the authority that all others trust. */
export function rootCertificate(): Buffer {
  const constraints = seq(oid('2.5.29.19'), TRUE, tlv(4, seq(TRUE)))
  return issue({
    spki: spkiOf('rsa3072'),
    name: ROOT_NAME,
    serial: 1n,
    validity: ['20260101000000Z', '20360101000000Z'],
    extensions: [constraints],
  })
}

function certificate({
  from = '20260101000000Z',
  purpose = '1.3.6.1.5.5.7.3.8',
  serial = 2n,
  until = '20360101000000Z',
}: Certificate = {}): Buffer {
  const usage = seq(oid('2.5.29.37'), TRUE, tlv(4, seq(oid(purpose))))
  return issue({
    spki: spkiOf('rsa2048'),
    name: 'countersign test stamps',
    serial,
    validity: [from, until],
    extensions: [usage],
  })
}

/** Every choice of an answer. */
interface Choices {
  readonly status: Buffer
  readonly contentType: Buffer
  readonly imprint: Buffer
  readonly time: string
  readonly tail: readonly Buffer[]
  readonly certificate: Buffer
  /** Those that are in the answer; that of the signer where nothing else is said. */
  readonly certificates: readonly Buffer[] | undefined
  readonly serial: bigint
  readonly messageDigest: Buffer | undefined
  readonly attributes: (right: readonly Buffer[]) => readonly Buffer[]
  readonly hash: string
  readonly key: string
  readonly signature: (right: Buffer) => Buffer
  readonly signers: number
  readonly content: (right: Buffer) => Buffer
}

function rightChoices(): Choices {
  return {
    status: seq(integer(0n)),
    contentType: OIDS.tstInfo,
    imprint: seq(hashIdentifier('sha256'), tlv(4, DATA)),
    time: '20260304050607Z',
    tail: [],
    certificate: certificate(),
    certificates: undefined,
    serial: 2n,
    messageDigest: undefined,
    attributes: (all) => all,
    hash: 'sha256',
    key: 'rsa2048',
    signature: (made) => made,
    signers: 1,
    content: (info) => info,
  }
}

function tstInfo({ imprint, tail, time }: Choices): Buffer {
  const policy = oid('1.3.6.1.4.1.57264.2')
  return seq(integer(1n), policy, imprint, integer(77n), tlv(0x18, Buffer.from(time)), ...tail)
}

function attribute(type: Buffer, value: Buffer): Buffer {
  return seq(type, tlv(0x31, value))
}

/** An answer that is right but for some choices. */
function respond(changes: Partial<Choices> = {}): Buffer {
  const choices = { ...rightChoices(), ...changes }
  const { certificate: own, certificates = [own], content, contentType, hash, signers } = choices
  const info = tstInfo(choices)
  const signer = signerInfo(choices, info)
  const signedData = seq(
    integer(3n),
    set(hashIdentifier(hash)),
    seq(contentType, tlv(0xa0, tlv(4, content(info)))),
    ...(certificates.length === 0 ? [] : [tlv(0xa0, ...certificates)]),
    tlv(0x31, ...Array.from({ length: signers }, () => signer)),
  )
  return seq(choices.status, seq(OIDS.signedData, tlv(0xa0, signedData)))
}

function signerInfo(choices: Choices, info: Buffer): Buffer {
  const { attributes, certificate: own, hash, key, serial, signature } = choices
  const signed = set(
    ...attributes([
      attribute(OIDS.contentType, OIDS.tstInfo),
      attribute(OIDS.messageDigest, tlv(4, choices.messageDigest ?? digest(hash, info))),
      attribute(OIDS.signingCertificate, seq(seq(seq(tlv(4, digest('sha256', own)))))),
    ]),
  )
  const carried = Buffer.from(signed)
  carried[0] = 0xa0
  return seq(
    integer(1n),
    seq(nameOf(ROOT_NAME), integer(serial)),
    hashIdentifier(hash),
    carried,
    seq(oid('1.2.840.113549.1.1.1'), NULL),
    tlv(4, signature(sign(hash, signed, ownPrivateKey(key)))),
  )
}

const TIME = '2026-03-04T05:06:07Z'

/** The moment that a stamp gives; where it gives none, that of the right ones. */
function momentOf(written = ''): string {
  const parts = /^(\d{4})(0\d|1[0-2])(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(written) ?? []
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = parts
  return year === '' ? TIME : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
}

interface About {
  readonly valid?: boolean
  readonly rule?: string | undefined
  /** The moment at which OpenSSL judges the certificate. */
  readonly time?: string
}

function caseOf(id: string, comment: string, response: Buffer, about: About = {}): MadeCase {
  const { valid = false, rule, time = TIME } = about
  return {
    id,
    comment,
    response: response.toString('base64'),
    data: DATA.toString('hex'),
    time,
    valid,
    ...(rule !== undefined && { rule }),
  }
}

function right(): readonly MadeCase[] {
  const rows: readonly (readonly [string, string, Partial<Choices>])[] = [
    ['granted', 'granted', {}],
    ['with-changes', 'granted with changes', { status: seq(integer(1n)) }],
    [
      'status-text',
      'a status with a text',
      { status: seq(integer(0n), seq(tlv(12, Buffer.from('fine')))) },
    ],
    ['fraction', 'a time with a fraction', { time: '20260304050607.25Z' }],
    ['accuracy', 'an accuracy', { tail: [seq(integer(1n))] }],
    ['nonce', 'a nonce', { tail: [integer(1n << 64n)] }],
    ['sha512', 'signed with SHA-512', { hash: 'sha512' }],
    [
      'two-certificates',
      'the root beside it',
      { certificates: [certificate(), rootCertificate()] },
    ],
  ]
  return rows.map(([id, comment, choices]) =>
    caseOf(id, comment, respond(choices), { valid: true }),
  )
}

function wrong(): readonly MadeCase[] {
  const good = respond()
  const flip = (bytes: Buffer): Buffer => {
    const changed = Buffer.from(bytes)
    changed[changed.length >> 1] = changed.readUInt8(changed.length >> 1) ^ 1
    return changed
  }
  const PURPOSE = 'the certificate is for time stamping alone (RFC 3161 section 2.3)'
  const FORM = 'DER has one encoding, times are in UTC with seconds (RFC 3161 section 2.4.2)'
  const rows: readonly (readonly [string, string, Partial<Choices>, string?])[] = [
    ['rejected', 'a refusal that carries a stamp', { status: seq(integer(2n)) }],
    ['waiting', 'a status of waiting', { status: seq(integer(3n)) }],
    ['status-256', 'the status 256', { status: seq(integer(256n)) }],
    ['status-negative', 'the status -1', { status: seq(tlv(2, Buffer.of(0xff))) }],
    [
      'other-digest',
      'a stamp of another digest',
      { imprint: seq(hashIdentifier('sha256'), tlv(4, digest('sha256', Buffer.from('other')))) },
    ],
    [
      'digest-cut',
      'a digest without its last byte',
      { imprint: seq(hashIdentifier('sha256'), tlv(4, DATA.subarray(0, 31))) },
    ],
    [
      'digest-sha512',
      'the digest named SHA-512',
      { imprint: seq(hashIdentifier('sha512'), tlv(4, DATA)) },
      'a digest has the length of its algorithm (RFC 3161 section 2.4.1)',
    ],
    [
      'digest-sha1',
      'a stamp of a SHA-1 digest',
      { imprint: seq(hashIdentifier('sha1'), tlv(4, digest('sha1', MESSAGE))) },
    ],
    [
      'message-digest',
      'another digest in the attributes',
      { messageDigest: digest('sha256', Buffer.from('other')) },
    ],
    [
      'message-digest-cut',
      'a digest in the attributes without its last byte',
      { messageDigest: DATA.subarray(0, 31) },
    ],
    ['content-changed', 'another content under the signature', { content: flip }],
    ['content-type', 'signed data of another type', { contentType: OIDS.data }],
    [
      'no-message-digest',
      'no digest in the attributes',
      { attributes: ([first, , third]) => [first, third].filter((one) => one !== undefined) },
    ],
    ['no-attributes', 'no attribute', { attributes: () => [] }],
    ['signature-changed', 'a changed signature', { signature: flip }],
    [
      'signature-cut',
      'a signature without its last byte',
      { signature: (made) => made.subarray(0, -1) },
    ],
    ['signature-empty', 'an empty signature', { signature: () => Buffer.alloc(0) }],
    ['other-key', 'signed by a key without a certificate', { key: 'rsa4096' }],
    [
      'no-certificate',
      'no certificate',
      { certificates: [] },
      'the certificate is in the stamp (ours: it is what shows that the stamp is whole)',
    ],
    [
      'other-certificate',
      'the certificate of another serial number',
      { certificates: [certificate({ serial: 3n })] },
    ],
    ['other-serial', 'another serial number in the signer', { serial: 3n }],
    [
      'purpose-code',
      'a certificate for signing code',
      { certificate: certificate({ purpose: '1.3.6.1.5.5.7.3.3' }) },
      PURPOSE,
    ],
    [
      'purpose-server',
      'a certificate of a server',
      { certificate: certificate({ purpose: '1.3.6.1.5.5.7.3.1' }) },
      PURPOSE,
    ],
    [
      'certificate-later',
      'a certificate that was not valid yet',
      { certificate: certificate({ from: '20260601000000Z' }) },
    ],
    [
      'certificate-earlier',
      'a certificate that was not valid any more',
      { certificate: certificate({ until: '20260201000000Z' }) },
    ],
    ['two-signers', 'two signers', { signers: 2 }],
    ['no-signer', 'no signer', { signers: 0 }],
    [
      'hash-sha1',
      'signed with SHA-1',
      { hash: 'sha1' },
      'SHA-1 is not a hash of signatures (ours)',
    ],
    ['time-offset', 'a time with an offset', { time: '20260304050607+0000' }, FORM],
    ['time-local', 'a time without a zone', { time: '20260304050607' }, FORM],
    ['time-minutes', 'a time without seconds', { time: '202603040506Z' }, FORM],
    ['time-month', 'the month 13', { time: '20261304050607Z' }, FORM],
    ['time-short-year', 'a year of two digits', { time: '260304050607Z' }, FORM],
    ['time-empty', 'no time', { time: '' }, FORM],
    ['time-earlier', 'a time before the certificate', { time: '20251231235959Z' }],
    ['time-later', 'a time after the certificate', { time: '20360101000001Z' }],
  ]
  const bytes: readonly (readonly [string, string, Buffer])[] = [
    ['nothing', 'no byte', Buffer.alloc(0)],
    ['status-only', 'a status without a stamp', seq(seq(integer(0n)))],
    ['trailing', 'a byte after the end', Buffer.concat([good, Buffer.of(0)])],
    ['cut', 'without its last byte', good.subarray(0, -1)],
    ['half', 'its first half', good.subarray(0, good.length >> 1)],
    ['token-only', 'the stamp without its status', good.subarray(9)],
    ['twice', 'two answers', Buffer.concat([good, good])],
    ['text', 'its base64', Buffer.from(good.toString('base64'))],
  ]
  return [
    ...rows.map(([id, comment, choices, rule]) =>
      caseOf(`wrong-${id}`, comment, respond(choices), { rule, time: momentOf(choices.time) }),
    ),
    ...bytes.map(([id, comment, response]) =>
      caseOf(`bytes-${id}`, comment, response, {
        rule: 'an answer ends with its stamp (DER; ours)',
      }),
    ),
  ]
}
