/** Parsers of everything else: settings, lists, notes, references, headers. */
import { decodeSnappy } from '../../../action/snappy.ts'
import { inspectPolicies } from '../../../src/access/policy-set.ts'
import { parseFingerprint } from '../../../src/client/trust-pin.ts'
import { parseDurationSeconds } from '../../../src/config/duration.ts'
import { fileLayer } from '../../../src/config/layers.ts'
import { parseYamlText } from '../../../src/config/yaml-text.ts'
import { decodeBase64, decodeBase64Url } from '../../../src/crypto/base64.ts'
import { parseDigest } from '../../../src/crypto/digest.ts'
import {
  MAX_ADD_CHECKPOINT_BYTES,
  parseAddCheckpoint,
  parseSignatureLines,
} from '../../../src/formats/add-checkpoint.ts'
import { parseArtifactReference } from '../../../src/formats/artifact-reference.ts'
import { MAX_BUNDLE_BYTES } from '../../../src/formats/bundle.ts'
import { parseCheckpoint } from '../../../src/formats/checkpoint.ts'
import { parseChecksums } from '../../../src/formats/checksums.ts'
import { normalizeImageName, parseImageReference } from '../../../src/formats/image-reference.ts'
import { MAX_TOKEN_CHARACTERS } from '../../../src/formats/jws.ts'
import { readLeniently } from '../../../src/formats/lenient-uri.ts'
import { parseNoteKey } from '../../../src/formats/note-key.ts'
import { MAX_NOTE_BYTES, parseSignedNote } from '../../../src/formats/signed-note.ts'
import { MAX_TLOG_PROOF_BYTES, parseTlogProof } from '../../../src/formats/tlog-proof.ts'
import {
  MAX_LOGGED_BUNDLE_BYTES as MAX_ENTRY_BUNDLE_BYTES,
  parseEntryBundle,
} from '../../../src/log/entry-bundle.ts'
import { parseTilePath } from '../../../src/log/paths.ts'
import { splitTile } from '../../../src/log/tiles.ts'
import { parseChallenges } from '../../../src/oci/auth-challenge.ts'
import { parseLinks } from '../../../src/oci/link-header.ts'
import { retryDelay } from '../../../src/basics/retry-delay.ts'
import { parseRealm } from '../../../src/oci/token.ts'
import {
  ACCOUNT_PARAMETERS,
  decodeComponent,
  parseAccountQuery,
  parseEndpoint,
} from '../../../src/client/aws-account.ts'
import { parseS3Uri } from '../../../src/storage/s3/uri.ts'
import { parseAwsKmsAccount, parseAwsKmsUri } from '../../../src/providers/awskms/uri.ts'
import { parseKeyUri } from '../../../src/providers/key-uri.ts'
import { parsePkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'
import { parseAzureKmsUri, parseAzureVault } from '../../../src/providers/azurekms/uri.ts'
import { parseGcpKeyRing, parseGcpKmsUri } from '../../../src/providers/gcpkms/uri.ts'
import { parseOpenBaoUri, parseTransitPlace } from '../../../src/providers/openbao/uri.ts'
import { parseProviderReference } from '../../../src/providers/provider-reference.ts'
import { parseSource } from '../../../src/verification/source.ts'
import { CEDAR_SHAPES, YAML_SHAPES } from './inputs.ts'
import { ARGUMENT, HEADER, KiB, MiB, ofText, text, type ParserAtLimit } from './limits.ts'
import { TEXT_SHAPES, numbered, repeated, type Shape } from './shapes.ts'

const RUNTIME = { now: () => 0, random: () => 0 }

/** A block that says 24 MiB, then one literal and an element again and again. */
function snappy(element: readonly number[]): Shape {
  const head = [0x80, 0x80, 0x80, 0x0c, 0x00, 0x41]
  return (length) =>
    Uint8Array.from(
      { length },
      (_, at) => head[at] ?? element[(at - head.length) % element.length] ?? 0,
    )
}

/** Each with its limit. */
export const TEXT_PARSERS: readonly ParserAtLimit[] = [
  {
    name: 'parseYamlText',
    limit: 64 * KiB,
    shapes: YAML_SHAPES,
    parse: (input) => parseYamlText(text(input), 'a.yaml'),
  },
  {
    name: 'fileLayer',
    limit: 64 * KiB,
    shapes: YAML_SHAPES,
    parse: (input) => fileLayer(text(input), 'a.yaml'),
  },
  {
    name: 'parseChecksums',
    limit: 4 * MiB,
    shapes: {
      ...TEXT_SHAPES,
      sums: numbered((index) => `${index.toString(16).padStart(64, '0')}  f${index}\n`),
      'one sum again and again': repeated(`${'0'.repeat(64)}  f\n`),
      'BSD sums': numbered((index) => `SHA256 (f${index}) = ${'0'.repeat(64)}\n`),
      'a BSD name that goes on': repeated(') = a', 'SHA256 (a'),
      'escaped names': repeated('\\\\', `\\${'0'.repeat(64)}  `),
      comments: repeated('#\n'),
    },
    parse: parseChecksums,
  },
  ofText('parseSignedNote', MAX_NOTE_BYTES, (input) => parseSignedNote(Buffer.from(input)), {
    signatures: repeated('— a QUFBQUFB\n', 'a\n\n'),
    'blank lines': repeated('\n', 'a'),
    'one long signature': repeated('QUFB', 'a\n\n— a ', '\n'),
  }),
  ofText('parseTlogProof', MAX_TLOG_PROOF_BYTES, (input) => parseTlogProof(Buffer.from(input)), {
    hashes: repeated(`${'A'.repeat(43)}=\n`, 'c2sp.org/tlog-proof@v1\nindex 0\n', '\na'),
    'extra data': repeated(
      'QUFB',
      'c2sp.org/tlog-proof@v1\nextra ',
      '\nindex 0\n\na\n\n— a QUFBQUFB\n',
    ),
    signatures: repeated('— a QUFBQUFB\n', 'c2sp.org/tlog-proof@v1\nindex 0\n\na\n\n'),
    'lines that end at once': repeated('\n', 'c2sp.org/tlog-proof@v1'),
  }),
  ofText('parseCheckpoint', MAX_NOTE_BYTES, parseCheckpoint, {
    extensions: repeated('a\n', 'origin\n1\nQUFB\n'),
    'a long size': repeated('1', 'origin\n', '\nQUFB\n'),
  }),
  ofText(
    'parseAddCheckpoint',
    MAX_ADD_CHECKPOINT_BYTES,
    (input) => parseAddCheckpoint(Buffer.from(input)),
    {
      hashes: repeated('QUFB\n', 'old 1\n', '\n'),
      'a long size': repeated('1', 'old ', '\n\n'),
      'no empty line': repeated('a'),
    },
  ),
  ofText(
    'parseSignatureLines',
    MAX_NOTE_BYTES - 3,
    (input) => parseSignatureLines(Buffer.from(input)),
    { signatures: repeated('— a QUFBQUFB\n'), 'blank lines': repeated('\n') },
  ),
  ofText('parseNoteKey', 4 * KiB, parseNoteKey, {
    'a long name': repeated('a', '', '+00000000+QUFB'),
    plus: repeated('+'),
  }),
  {
    name: 'parseEntryBundle',
    limit: MAX_ENTRY_BUNDLE_BYTES,
    shapes: {
      'empty entries': (length) => new Uint8Array(length),
      'long entries': (length) => new Uint8Array(length).fill(0xff),
    },
    parse: parseEntryBundle,
  },
  {
    name: 'splitTile',
    limit: 8 * KiB,
    shapes: { hashes: (length) => new Uint8Array(length) },
    parse: splitTile,
  },
  ofText('parseTilePath', HEADER, parseTilePath, { groups: repeated('x000/', 'tile/0/', '000') }),
  {
    name: 'decodeSnappy',
    limit: MAX_BUNDLE_BYTES,
    shapes: {
      'literals of one byte': snappy([0x00, 0x41]),
      'copies of four bytes': snappy([0x01, 0x01]),
      'long copies': snappy([0xfe, 0x01, 0x00]),
    },
    parse: (input) => decodeSnappy(input, MAX_BUNDLE_BYTES),
  },
  ofText('decodeBase64', MAX_BUNDLE_BYTES, decodeBase64),
  ofText('decodeBase64Url', MAX_TOKEN_CHARACTERS, decodeBase64Url),
  ofText('parseDigest', ARGUMENT, parseDigest, { digest: repeated('a', 'sha256:') }),
  ofText('parseArtifactReference', ARGUMENT, parseArtifactReference, {
    registry: repeated('a-', 'oci://'),
    layout: repeated('a:', 'oci-layout://'),
  }),
  ofText('parseImageReference', ARGUMENT, parseImageReference),
  ofText('normalizeImageName', ARGUMENT, normalizeImageName),
  ofText('parseKeyUri', ARGUMENT, parseKeyUri, {
    'a long scheme': repeated('a'),
    https: repeated('a/', 'https://a/'),
  }),
  ofText('parseProviderReference', ARGUMENT, parseProviderReference, {
    aws: repeated('/', 'awskms://'),
    file: repeated('/', 'file:'),
  }),
  ofText('parsePkcs11Uri', ARGUMENT, parsePkcs11Uri, {
    attributes: numbered((index) => `a${index}=b;`, 'pkcs11:'),
    values: repeated('%41', 'pkcs11:object='),
  }),
  ofText('parseAwsKmsUri', ARGUMENT, parseAwsKmsUri, {
    arn: repeated('-a', 'awskms:///arn:aws'),
    endpoint: repeated('a.', 'awskms://'),
  }),
  ofText('parseAwsKmsAccount', ARGUMENT, parseAwsKmsAccount, {
    parameters: repeated('region=a&', 'awskms:///?'),
  }),
  ofText('parseAzureKmsUri', ARGUMENT, parseAzureKmsUri, {
    vault: repeated('a-', 'azurekms://'),
    domain: repeated('vault.', 'azurekms://acme.'),
    key: repeated('a-', 'azurekms://acme.vault.azure.net/'),
    keys: repeated('keys/', 'azurekms://acme.vault.azure.net/'),
  }),
  ofText('parseAzureVault', ARGUMENT, parseAzureVault, {
    vault: repeated('a-', 'azurekms://'),
  }),
  ofText('parseGcpKmsUri', ARGUMENT, parseGcpKmsUri, {
    project: repeated('a.', 'gcpkms://projects/'),
    key: repeated('a-', 'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/'),
  }),
  ofText('parseGcpKeyRing', ARGUMENT, parseGcpKeyRing, {
    project: repeated('a.', 'gcpkms://projects/'),
  }),
  ofText('parseOpenBaoUri', ARGUMENT, parseOpenBaoUri, {
    key: repeated('a.', 'openbao://'),
    mount: repeated('a/', 'openbao://release?mount='),
  }),
  ofText('parseTransitPlace', ARGUMENT, parseTransitPlace, {
    parameters: repeated('mount=a&', 'openbao://?'),
  }),
  ofText('decodeComponent', ARGUMENT, decodeComponent, { encodings: repeated('%41') }),
  ofText('parseEndpoint', ARGUMENT, parseEndpoint, { labels: repeated('a.') }),
  ofText(
    'parseAccountQuery',
    ARGUMENT,
    (input) => parseAccountQuery(input, ACCOUNT_PARAMETERS, () => new Error('malformed')),
    { parameters: repeated('region=a&'), encodings: repeated('%41', 'profile=') },
  ),
  ofText('parseS3Uri', ARGUMENT, parseS3Uri, {
    bucket: repeated('a.', 's3://'),
    key: repeated('a/', 's3://acme/'),
    query: repeated('region=a&', 's3://acme?'),
  }),
  ofText('parseChallenges', HEADER, parseChallenges, {
    schemes: repeated('Bearer ,'),
    parameters: repeated('a="b",', 'Bearer '),
    'a quote without end': repeated('\\"a=', 'Bearer a="'),
    token68: repeated('a ='),
  }),
  ofText('parseLinks', HEADER, parseLinks, {
    links: repeated('<a>;rel=b,'),
    parameters: repeated(';b="c"', '<a>'),
    'a quote without end': repeated('\\"', '<a>;b="'),
    commas: repeated(', ', '<a>'),
  }),
  ofText('parseRealm', HEADER, (input) => parseRealm(input, new URL('https://registry.example'))),
  ofText('retryDelay', HEADER, (input) => retryDelay(1, input, RUNTIME), {
    parentheses: repeated('('),
    dates: repeated('1 Jan '),
  }),
  ofText('parseFingerprint', ARGUMENT, parseFingerprint),
  ofText('parseDurationSeconds', 64 * KiB, parseDurationSeconds),
  ofText('parseSource', 64 * KiB, (input) => parseSource({ repository: input, builders: [input] })),
  ofText('readLeniently', 64 * KiB, readLeniently, { encodings: repeated('%25') }),
  {
    name: 'inspectPolicies',
    limit: 64 * KiB,
    shapes: CEDAR_SHAPES,
    parse: (input) => inspectPolicies([{ file: 'a.cedar', text: text(input) }]),
  },
]
