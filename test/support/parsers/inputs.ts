/** The worst inputs that are known, by format. */
import { TAG } from '../../../src/crypto/der-reader.ts'
import { bitString, encode, integer, oid, sequence } from '../../../src/timestamp/der.ts'
import { testKeyPair } from '../signers.ts'
import { base64 } from './limits.ts'
import { JSON_SHAPES, numbered, repeated, type Shape } from './shapes.ts'
import { randomBytes } from 'node:crypto'

export const SPKI: Uint8Array = testKeyPair('ES512').publicKey.export({
  type: 'spki',
  format: 'der',
})
export const RSA_ALGORITHM: Uint8Array = sequence(oid('1.2.840.113549.1.1.1'), encode(TAG.null))
const ones = (length: number): Uint8Array => new Uint8Array(length).fill(0xff)
/** An odd modulus of 8192 bits, the longest that is taken; which primes it has does not matter here. */
export const LONG_MODULUS: Uint8Array = ones(1024)
export const LONG_RSA: Uint8Array = sequence(
  RSA_ALGORITHM,
  bitString(sequence(integer(LONG_MODULUS), integer(ones(32)))),
)

export const hugeRsa = (length: number): Uint8Array =>
  sequence(integer(LONG_MODULUS), integer(ones(Math.max(length - 1100, 3))))
export const toPem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${base64(der)}\n-----END ${label}-----\n`

export const DER_SHAPES: Readonly<Record<string, Shape>> = {
  'deep sequences': (length) => new Uint8Array(length).fill(0x30),
  'empty elements': repeated('0\0'),
  'one integer': (length) => sequence(integer(ones(Math.max(length - 8, 1)))),
  'random bytes': (length) => randomBytes(length),
}

export const PEM_SHAPES: Readonly<Record<string, Shape>> = {
  beginnings: repeated('-----BEGIN A-----\n'),
  'beginnings of a private key': repeated('-----BEGIN PRIVATE KEY-----\n'),
  'beginnings of many labels': numbered((index) => `-----BEGIN A${index}-----\n`),
  'empty blocks': repeated('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'),
  'a long label': repeated('A', '-----BEGIN '),
  'one block': repeated('QUFB\n', '-----BEGIN PUBLIC KEY-----\n', '-----END PUBLIC KEY-----\n'),
  dashes: repeated('-'),
}

export const version = (index: number, spki: Uint8Array, algorithm: string): string =>
  JSON.stringify({
    kid: String(index),
    algorithm,
    spki: base64(spki),
    key: 'release',
    version: index,
    state: 'active',
    validFor: { start: '2026-01-01T00:00:00Z' },
  })

/** Keys that differ in nothing a parser sees before it has made them. */
export const manyKeys = (key: (index: number) => string): Shape =>
  numbered((index) => `${index === 0 ? '' : ','}${key(index)}`, '{"sequence":1,"keys":[', ']}')

export const descriptor = (index: number): string =>
  `{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:${index.toString(16).padStart(64, '0')}","size":1,"annotations":{"a":"b"}}`

export const subject = (index: number): string =>
  `{"name":"${index}","digest":{"sha256":"${index.toString(16).padStart(64, '0')}"}}`

export const list = (head: string, item: (index: number) => string, tail: string): Shape =>
  numbered((index) => `${index === 0 ? '' : ','}${item(index)}`, head, tail)

export const ROOT_HEAD =
  '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":['
export const rootLog = (): string =>
  `{"baseUrl":"https://a.example","hashAlgorithm":"SHA2_256","publicKey":{"rawBytes":"${base64(SPKI)}","keyDetails":"PKIX_ECDSA_P521_SHA_512","validFor":{"start":"2026-01-01T00:00:00Z"}},"logId":{"keyId":"AAAA"}}`

const BUNDLE_HEAD =
  '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"a"}'
const BUNDLE_TAIL =
  ',"dsseEnvelope":{"payloadType":"a","signatures":[{"sig":"QUFB"}],"payload":"QUFB"}}'
export const BUNDLE_SHAPES: Readonly<Record<string, Shape>> = {
  'one payload': repeated(
    'QUFB',
    `${BUNDLE_HEAD}},"dsseEnvelope":{"payloadType":"a","signatures":[{"sig":"QUFB"}],"payload":"`,
    '"}}',
  ),
  'time stamps': list(
    `${BUNDLE_HEAD},"timestampVerificationData":{"rfc3161Timestamps":[`,
    () => '{"signedTimestamp":"QUFB"}',
    `]}}${BUNDLE_TAIL}`,
  ),
  'log entries': list(
    `${BUNDLE_HEAD},"tlogEntries":[`,
    () => '{"logIndex":"1"}',
    `]}${BUNDLE_TAIL}`,
  ),
  signatures: list(
    `${BUNDLE_HEAD}},"dsseEnvelope":{"payloadType":"a","payload":"QUFB","signatures":[`,
    () => '{"sig":"QUFB"}',
    ']}}',
  ),
}

export const YAML_SHAPES: Readonly<Record<string, Shape>> = {
  'long names': numbered((index) => `k${index}${'_'.repeat(22)}: 1\n`),
  'keys with long names': numbered((index) => `  k${index}${'_'.repeat(40)}: {}\n`, 'keys:\n'),
  'long anchors and aliases': numbered(
    (index) => `- &a${index}${'_'.repeat(20)} x\n- *a${index}${'_'.repeat(20)}\n`,
  ),
  'long plain texts': numbered((index) => `- ${'x'.repeat(30)}${index}\n`),
  'lists within the bound': () => repeated('[')(9000),
  'commas within the bound': () => repeated(',', '[')(9000),
  'mappings within the bound': () => repeated('{a: ')(10_000),
  'lists as keys within the bound': () => repeated('? [a]\n: 1\n')(10_000),
  names: numbered((index) => `k${index}: 1\n`),
  'one name again and again': repeated('a: 1\n'),
  'names in one key': numbered((index) => `    k${index}: 1\n`, 'keys:\n  release:\n'),
  keys: numbered((index) => `  k${index}: {}\n`, 'keys:\n'),
  'deep lists': repeated('['),
  'deep mappings': repeated('{a: '),
  'deep blocks': numbered((index) => `${' '.repeat(index)}a:\n`),
  'lists in lists': repeated('- '),
  anchors: numbered((index) => `- &a${index} x\n`),
  aliases: repeated('*a,', 'x: &a 1\ny: [', '1]\n'),
  'anchors and aliases': numbered((index) => `- &a${index} x\n- *a${index}\n`),
  'aliases of aliases': numbered(
    (index) =>
      `a${index}: &a${index} [${
        index === 0
          ? '1'
          : Array(9)
              .fill(`*a${index - 1}`)
              .join(',')
      }]\n`,
  ),
  'aliases without an anchor': repeated('- *nothing\n'),
  'merge keys': numbered((index) => `m${index}: &m${index}\n  <<: *m${Math.max(index - 1, 0)}\n`),
  'explicit keys': repeated('? a\n'),
  'lists as keys': repeated('? [a]\n: 1\n'),
  tags: repeated('- !!str a\n'),
  'long tags': repeated('!', '- '),
  comments: repeated('#\n'),
  'line ends': repeated('\n'),
  documents: repeated('---\n'),
  'a block of text': repeated('  a\n', 'a: |\n'),
  'a folded text': repeated('  a\n\n', 'a: >\n'),
  quotes: repeated("''", "a: '", "'\n"),
  'escaped quotes': repeated('\\"', 'a: "', '"\n'),
  colons: repeated(': '),
  commas: repeated(',', '['),
  tabs: repeated('\t'),
  'blanks and tabs': repeated(' \t', 'a:'),
  'carriage returns': repeated('\r'),
  'a plain text of many lines': repeated('a\n ', 'a: '),
  'listening addresses': repeated('a.', 'serve:\n  listen: "', '"\n'),
  'a long issuer': repeated('a-', 'issuer: "https://', '"\n'),
  'a long provider': repeated('%41', 'keys:\n  release:\n    provider: "pkcs11:object=', '"\n'),
}

const jwt = (payload: Uint8Array): string =>
  `${base64url('{"alg":"ES256","typ":"JWT"}')}.${Buffer.from(payload).toString('base64url')}.QUFB`
function base64url(plain: string): string {
  return Buffer.from(plain).toString('base64url')
}
const asToken =
  (shape: Shape): Shape =>
  (length) =>
    Buffer.from(jwt(shape(Math.floor((length * 3) / 4) - 64)))
export const TOKEN_SHAPES: Readonly<Record<string, Shape>> = {
  ...Object.fromEntries(Object.entries(JSON_SHAPES).map(([name, shape]) => [name, asToken(shape)])),
  dots: repeated('.'),
  audiences: asToken(repeated('"a",', '{"aud":["a",', '"a"]}')),
}

export const CEDAR_SHAPES: Readonly<Record<string, Shape>> = {
  'as many policies as there may be': () =>
    repeated('permit(principal,action,resource);\n')(500 * 35),
  'deep parentheses in one policy': () =>
    repeated('(', 'permit(principal,action,resource) when {')(8000),
  'a long condition': () =>
    repeated('true||', 'permit(principal,action,resource) when {', 'true};')(8000),
  policies: repeated('permit(principal,action,resource);\n'),
  'deep parentheses': repeated('(', 'permit(principal,action,resource) when {'),
  negations: repeated('!', 'permit(principal,action,resource) when {', 'true};'),
  conditions: repeated('when{true}', 'permit(principal,action,resource)', ';'),
  disjunctions: repeated('true||', 'permit(principal,action,resource) when {', 'true};'),
  comments: repeated('//\n'),
  annotations: numbered((index) => `@a${index}("x")`, '', 'permit(principal,action,resource);'),
}
