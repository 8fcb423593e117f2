/** Sigstore bundles by a key: over the digest of a file and over a statement, changed in one member at a time. */
import { ownPublicKey } from '../../test/support/own-vectors.ts'
import { digest, type MadeCase, type Maker } from './made.ts'
import { signEcdsa } from './ecdsa.ts'
import { signEnvelope, toDer } from './sign.ts'

/** The vectors of bundles. */
export const bundles: Maker = {
  format: 'bundles',
  made: 'Written by tools/vectors/bundles.ts and signed by the ES256 test key. No log and no time is demanded: those are in the golden documents.',
  make: () => [
    {
      group: 'bundles by ES256',
      kind: 'bundle',
      algorithm: 'ES256',
      key: 'p256',
      cases: [...toCases(right(), true), ...toCases(wrong(), false)],
    },
  ],
}

const ARTIFACT = Buffer.from('an artifact of a test\n')
const SHA256 = digest('sha256', ARTIFACT)
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const TYPE = 'application/vnd.in-toto+json'
const STRICT = 'members are unique and of their type (ours)'
const BASE64 = 'base64 is canonical and padded (RFC 4648; ours)'
const DIGEST = 'the digest of a file is named by its algorithm (sigstore_common.proto)'
const STATEMENT = 'a statement has its type and a predicate type (in-toto spec/v1 statement)'
const ONE_KEY = 'a bundle of version 0.3 names one signer and has one content'

type Bundle = Readonly<Record<string, unknown>>
type Row = readonly [id: string, comment: string, bundle: unknown, rule?: string]

function toCases(rows: readonly Row[], valid: boolean): readonly MadeCase[] {
  return rows.map(([id, comment, bundle, rule]) => {
    const data = typeof bundle === 'string' ? bundle : JSON.stringify(bundle)
    const artifact = SHA256.toString('hex')
    return { id, comment, data, artifact, valid, ...(rule !== undefined && { rule }) }
  })
}

function hint(): string {
  const spki = ownPublicKey('p256').export({ type: 'spki', format: 'der' })
  return digest('sha256', spki).toString('base64')
}

function material(): Bundle {
  return { publicKey: { hint: hint() } }
}

interface Message {
  readonly algorithm?: string
  readonly value?: Uint8Array | string
  readonly signed?: Uint8Array
}

/** A signature over a file; `signed` is what the signature is over. */
function file({ algorithm = 'SHA2_256', signed = ARTIFACT, value = SHA256 }: Message = {}): Bundle {
  const text = typeof value === 'string' ? value : Buffer.from(value).toString('base64')
  return {
    mediaType: MEDIA_TYPE,
    verificationMaterial: material(),
    messageSignature: {
      messageDigest: { algorithm, digest: text },
      signature: toDer(signEcdsa('ES256', signed)).toString('base64'),
    },
  }
}

function statement(changes: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'artifact.txt', digest: { sha256: SHA256.toString('hex') } }],
    predicateType: 'https://example.com/review/v1',
    predicate: { approved: true },
    ...changes,
  }
}

function attestation(of: object = statement(), type = TYPE): Bundle {
  const payload = Buffer.from(JSON.stringify(of))
  return {
    mediaType: MEDIA_TYPE,
    verificationMaterial: material(),
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: type,
      signatures: [{ sig: signEnvelope('ES256', type, payload) }],
    },
  }
}

function right(): readonly Row[] {
  const other = { name: 'other', digest: { sha256: 'ab'.repeat(32) } }
  const subject = [other, { name: 'artifact.txt', digest: { sha256: SHA256.toString('hex') } }]
  return [
    ['file', 'over a file', file()],
    ['attestation', 'over a statement', attestation()],
    ['subjects', 'the artifact is the second subject', attestation(statement({ subject }))],
    [
      'hint-other',
      'another hint',
      { ...file(), verificationMaterial: { publicKey: { hint: 'other' } } },
    ],
    ['hint-none', 'no hint', { ...file(), verificationMaterial: { publicKey: {} } }],
    [
      'older-type',
      'the older name of version 0.3',
      { ...file(), mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' },
    ],
    ['blanks', 'blanks in the JSON', JSON.stringify(file(), undefined, 2)],
    [
      'no-evidence',
      'empty lists of evidence',
      {
        ...file(),
        verificationMaterial: {
          ...material(),
          tlogEntries: [],
          timestampVerificationData: { rfc3161Timestamps: [] },
        },
      },
    ],
  ]
}

function wrong(): readonly Row[] {
  return [...contentRows(), ...materialRows(), ...formRows()]
}

function contentRows(): readonly Row[] {
  const good = attestation()
  const envelope = good['dsseEnvelope'] as Bundle
  const other = digest('sha256', Buffer.from('other'))
  const message = file()['messageSignature'] as Bundle
  const withMessage = (changes: object): Bundle => ({
    ...file(),
    messageSignature: { ...message, ...changes },
  })
  const withEnvelope = (changes: object): Bundle => ({
    ...good,
    dsseEnvelope: { ...envelope, ...changes },
  })
  return [
    ['other-file', 'over another file', file({ signed: Buffer.from('other'), value: other })],
    ['other-digest', 'another digest beside the right signature', file({ value: other })],
    [
      'other-signed',
      'the digest of the artifact beside a signature of another file',
      file({ signed: Buffer.from('other') }),
    ],
    ['digest-hex', 'a digest in hex', file({ value: SHA256.toString('hex') })],
    ['digest-cut', 'a digest without its last byte', file({ value: SHA256.subarray(0, 31) })],
    ['digest-empty', 'an empty digest', file({ value: '' })],
    ['algorithm-other', 'the digest named SHA-512', file({ algorithm: 'SHA2_512' }), DIGEST],
    [
      'algorithm-none',
      'no algorithm of the digest',
      file({ algorithm: 'HASH_ALGORITHM_UNSPECIFIED' }),
      DIGEST,
    ],
    ['algorithm-unknown', 'an algorithm that is not known', file({ algorithm: 'MD5' })],
    ['signed-digest', 'signed over the digest as a message', file({ signed: SHA256 })],
    ['signature-missing', 'no signature', withMessage({ signature: undefined })],
    ['signature-empty', 'an empty signature', withMessage({ signature: '' })],
    ['signature-number', 'a signature that is a number', withMessage({ signature: 1 })],
    [
      'signature-raw',
      'r and s side by side',
      withMessage({ signature: signEcdsa('ES256', ARTIFACT).toString('base64') }),
      'an ECDSA signature in a bundle is DER (ours)',
    ],
    [
      'signature-newline',
      'a line end after the signature',
      withMessage({ signature: `${String(message['signature'])}\n` }),
      BASE64,
    ],
    [
      'digest-missing',
      'no digest',
      withMessage({ messageDigest: undefined }),
      'a file is bound by its digest (sigstore_common.proto; ours)',
    ],
    ['both-contents', 'a file and a statement', { ...file(), dsseEnvelope: envelope }, ONE_KEY],
    ['no-content', 'no content', { ...file(), messageSignature: undefined }],
    ['envelope-type', 'an envelope of another type', attestation(statement(), 'application/json')],
    [
      'envelope-payload',
      'another payload',
      withEnvelope({
        payload: Buffer.from(JSON.stringify(statement({ predicate: {} }))).toString('base64'),
      }),
    ],
    ['envelope-no-signatures', 'no signature of the envelope', withEnvelope({ signatures: [] })],
    [
      'envelope-two',
      'two signatures of the envelope',
      withEnvelope({ signatures: [...(envelope['signatures'] as unknown[]), { sig: 'AAAA' }] }),
      'a bundle has one signature of its envelope (sigstore_bundle.proto)',
    ],
    [
      'subject-other',
      'a statement of another artifact',
      attestation(statement({ subject: [{ name: 'x', digest: { sha256: 'ab'.repeat(32) } }] })),
    ],
    ['subject-none', 'a statement without a subject', attestation(statement({ subject: [] }))],
    [
      'subject-name',
      'the digest as a name alone',
      attestation(statement({ subject: [{ name: SHA256.toString('hex') }] })),
    ],
    [
      'subject-algorithm',
      'the digest under another algorithm',
      attestation(
        statement({ subject: [{ name: 'x', digest: { sha3_256: SHA256.toString('hex') } }] }),
      ),
    ],
    [
      'statement-type',
      'a statement of another type',
      attestation(statement({ _type: 'https://example.com/v1' })),
      STATEMENT,
    ],
    [
      'statement-no-predicate-type',
      'a statement without a predicate type',
      attestation(statement({ predicateType: undefined })),
      STATEMENT,
    ],
    ['payload-text', 'a payload that is not JSON', withPayload(Buffer.from('text'))],
  ]
}

function withPayload(payload: Buffer): Bundle {
  const signatures = [{ sig: signEnvelope('ES256', TYPE, payload) }]
  return {
    ...attestation(),
    dsseEnvelope: { payload: payload.toString('base64'), payloadType: TYPE, signatures },
  }
}

function materialRows(): readonly Row[] {
  const withMaterial = (verificationMaterial: unknown): Bundle => ({
    ...file(),
    verificationMaterial,
  })
  return [
    ['material-missing', 'no material', withMaterial(undefined)],
    ['material-null', 'material that is null', withMaterial(null)],
    ['material-empty', 'neither a key nor a certificate', withMaterial({})],
    ['material-list', 'a list of material', withMaterial([material()])],
    ['key-text', 'a key that is a text', withMaterial({ publicKey: hint() })],
    ['key-null', 'a key that is null', withMaterial({ publicKey: null })],
    ['hint-number', 'a hint that is a number', withMaterial({ publicKey: { hint: 1 } })],
    [
      'key-and-certificate',
      'a key and a certificate',
      withMaterial({ ...material(), certificate: { rawBytes: 'AAAA' } }),
      ONE_KEY,
    ],
    [
      'certificate-broken',
      'a certificate that is not one',
      withMaterial({ certificate: { rawBytes: 'AAAA' } }),
    ],
    ['chain-empty', 'an empty chain', withMaterial({ x509CertificateChain: { certificates: [] } })],
    [
      'entries-object',
      'entries that are an object',
      withMaterial({ ...material(), tlogEntries: {} }),
    ],
    [
      'stamps-text',
      'time stamps that are a text',
      withMaterial({ ...material(), timestampVerificationData: 'x' }),
    ],
  ]
}

function formRows(): readonly Row[] {
  const text = JSON.stringify(file())
  const typed = (mediaType: unknown): Bundle => ({ ...file(), mediaType })
  return [
    ['type-missing', 'no media type', typed(undefined)],
    ['type-null', 'a media type that is null', typed(null)],
    ['type-other', 'another media type', typed('application/json')],
    ['type-0.4', 'of version 0.4', typed('application/vnd.dev.sigstore.bundle.v0.4+json')],
    ['type-1.0', 'of version 1.0', typed('application/vnd.dev.sigstore.bundle.v1.0+json')],
    ['type-case', 'the media type in upper case', typed(MEDIA_TYPE.toUpperCase())],
    ['type-blank', 'a blank after the media type', typed(`${MEDIA_TYPE} `)],
    [
      'type-twice',
      'the media type named twice',
      `{"mediaType":"application/json",${text.slice(1)}`,
      STRICT,
    ],
    ['content-twice', 'the content named twice', `{"messageSignature":{},${text.slice(1)}`, STRICT],
    ['list', 'a list of bundles', `[${text}]`],
    ['null', 'null', 'null'],
    ['nothing', 'no text', ''],
    ['trailing', 'a second bundle', text + text],
    ['comma', 'a comma too many', `${text.slice(0, -1)},}`],
    ['cut', 'without its last character', text.slice(0, -1)],
    ['bom', 'a byte order mark', `\ufeff${text}`],
    ['envelope-alone', 'an envelope alone', attestation()['dsseEnvelope']],
  ]
}
