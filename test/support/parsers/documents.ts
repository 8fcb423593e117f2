/** Parsers of documents in JSON, and of tokens. */
import { problemToError } from '../../../src/client/problem.ts'
import { MAX_BUNDLE_BYTES, parseBundle, splitBundles } from '../../../src/formats/bundle.ts'
import { canonicalBundleDigest } from '../../../src/formats/canonical-bundle.ts'
import { parseEnvelope } from '../../../src/formats/dsse.ts'
import { isJsonObject, parseJson } from '../../../src/formats/json.ts'
import { parseJwks } from '../../../src/formats/jwks.ts'
import { MAX_TOKEN_CHARACTERS, parseJws } from '../../../src/formats/jws.ts'
import { parseJwt } from '../../../src/formats/jwt.ts'
import { parseDescriptor } from '../../../src/formats/oci-descriptor.ts'
import {
  MAX_MANIFEST_BYTES,
  parseImageIndex,
  parseImageManifest,
  parseManifestKind,
} from '../../../src/formats/oci-manifest.ts'
import { MAX_PREDICATE_BYTES, parsePredicate } from '../../../src/formats/predicates/predicate.ts'
import { parseSimpleSigning } from '../../../src/formats/simple-signing.ts'
import { parseStatement } from '../../../src/formats/statement.ts'
import {
  MAX_KEY_IMPORT_BYTES,
  parseImportParameters,
  parseWrappedKey,
} from '../../../src/formats/key-import.ts'
import { parseKeyHistory } from '../../../src/keys/key-history.ts'
import { MAX_ENTRY_BYTES } from '../../../src/log/entry-bundle.ts'
import { parseEntry } from '../../../src/log/entry-format.ts'
import { parseAuthFile } from '../../../src/oci/auth-file.ts'
import { parseErrorBody } from '../../../src/oci/registry-error.ts'
import { MAX_ANCHOR_BYTES, parseAnchor } from '../../../src/rotation/anchor.ts'
import { parseTrustedRoot } from '../../../src/verification/trusted-root.ts'
import { testKeyPair } from '../signers.ts'
import {
  BUNDLE_SHAPES,
  LONG_MODULUS,
  LONG_RSA,
  ROOT_HEAD,
  SPKI,
  TOKEN_SHAPES,
  descriptor,
  list,
  manyKeys,
  rootLog,
  subject,
  version,
} from './inputs.ts'
import { KiB, MiB, ofJson, text, type ParserAtLimit } from './limits.ts'
import { numbered, repeated } from './shapes.ts'

/** Each with its limit. */
export const DOCUMENT_PARSERS: readonly ParserAtLimit[] = [
  ofJson('parseJson', 24 * MiB, (input) => parseJson(input, { maxBytes: 24 * MiB })),
  ofJson('parseBundle', MAX_BUNDLE_BYTES, parseBundle, BUNDLE_SHAPES),
  ofJson('canonicalBundleDigest', MAX_BUNDLE_BYTES, canonicalBundleDigest, BUNDLE_SHAPES),
  ofJson('splitBundles', MAX_BUNDLE_BYTES, splitBundles, {
    lines: repeated('\n'),
    'lines of nothing': repeated('{}\n'),
    'lines that do not end': repeated('}', '{}\n{'),
    'lines of blanks': repeated('} ', '{}\n{', 'x'),
  }),
  ofJson('parseEnvelope', 24 * MiB, parseEnvelope, {
    signatures: list(
      '{"payloadType":"a","payload":"QUFB","signatures":[',
      () => '{"sig":"QUFB"}',
      ']}',
    ),
    'one signature': repeated(
      'QUFB',
      '{"payloadType":"a","payload":"","signatures":[{"sig":"',
      '"}]}',
    ),
    'a mixed alphabet': repeated(
      '-_-_',
      '{"payloadType":"a","signatures":[{"sig":"QUFB"}],"payload":"',
      '"}',
    ),
  }),
  ofJson('parseStatement', 17 * MiB, parseStatement, {
    subjects: list(
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","subject":[',
      subject,
      ']}',
    ),
    digests: numbered(
      (index) => `"a${index}":"b",`,
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","subject":[{"digest":{',
      '"z":"b"}}]}',
    ),
  }),
  ofJson('parsePredicate', MAX_PREDICATE_BYTES, (input) => parsePredicate('custom', input, 'it'), {
    dependencies: list(
      '{"buildDefinition":{"buildType":"a","externalParameters":{},"resolvedDependencies":[',
      () => '{"uri":"a"}',
      ']},"runDetails":{"builder":{"id":"a"}}}',
    ),
  }),
  ofJson('parseSimpleSigning', MiB, parseSimpleSigning),
  ofJson('parseJwks', 512 * KiB, (input) => parseJwks(input), {
    'keys of P-521': list(
      '{"keys":[',
      () => JSON.stringify(testKeyPair('ES512').publicKey.export({ format: 'jwk' })),
      ']}',
    ),
    'keys of 8192 bits': list(
      '{"keys":[',
      () =>
        JSON.stringify({
          kty: 'RSA',
          n: Buffer.from(LONG_MODULUS).toString('base64url'),
          e: 'AQAB',
        }),
      ']}',
    ),
    'one exponent': repeated(
      '____',
      `{"keys":[{"kty":"RSA","n":"${Buffer.from(LONG_MODULUS).toString('base64url')}","e":"`,
      '"}]}',
    ),
    'one modulus': repeated('____', '{"keys":[{"kty":"RSA","e":"AQAB","n":"', '"}]}'),
    operations: repeated('"verify",', '{"keys":[{"kty":"EC","key_ops":["verify",', '"verify"]}]}'),
  }),
  ofJson('parseKeyHistory', 8 * MiB, (input) => parseKeyHistory(input), {
    versions: manyKeys((index) => version(index, SPKI, 'ES512')),
    'versions of 8192 bits': manyKeys((index) => version(index, LONG_RSA, 'RS256')),
    'trust keys': list(
      '{"sequence":1,"keys":[],"trustKeys":[',
      (index) => version(index, SPKI, 'ES512'),
      ']}',
    ),
  }),
  ofJson('parseTrustedRoot', 4 * MiB, parseTrustedRoot, {
    logs: list(ROOT_HEAD, rootLog, ']}'),
  }),
  ofJson('parseImageManifest', MAX_MANIFEST_BYTES, parseImageManifest, {
    layers: list(`{"schemaVersion":2,"config":${descriptor(1)},"layers":[`, descriptor, ']}'),
    annotations: numbered(
      (index) => `"a${index}":"b",`,
      `{"schemaVersion":2,"config":${descriptor(1)},"layers":[${descriptor(2)}],"annotations":{`,
      '"z":"b"}}',
    ),
  }),
  ofJson('parseImageIndex', MAX_MANIFEST_BYTES, parseImageIndex, {
    manifests: list('{"schemaVersion":2,"manifests":[', descriptor, ']}'),
  }),
  ofJson('parseManifestKind', MAX_MANIFEST_BYTES, parseManifestKind),
  ofJson(
    'parseDescriptor',
    MAX_MANIFEST_BYTES,
    (input) => parseDescriptor(parseJson(input, { maxBytes: MAX_MANIFEST_BYTES })),
    {
      urls: repeated('"a",', `${descriptor(1).slice(0, -1)},"urls":[`, '"a"]}'),
      data: repeated('QUFB', `${descriptor(1).slice(0, -1)},"data":"`, '"}'),
    },
  ),
  ofJson('parseEntry', MAX_ENTRY_BYTES, parseEntry),
  ofJson('parseAnchor', MAX_ANCHOR_BYTES, parseAnchor),
  ofJson('parseAuthFile', MiB, (input) => parseAuthFile('auth.json', input)),
  ofJson('parseErrorBody', 64 * KiB, parseErrorBody),
  ofJson('parseImportParameters', MAX_KEY_IMPORT_BYTES, parseImportParameters, {
    'one token': repeated(
      'QUFB',
      '{"type":"countersign-import-parameters","version":1,"wrapping":"RSA_AES_KEY_WRAP_SHA_256","key":"a","wrappingKey":"QUFB","token":"',
      '"}',
    ),
  }),
  ofJson('parseWrappedKey', MAX_KEY_IMPORT_BYTES, parseWrappedKey, {
    'one key': repeated(
      'QUFB',
      '{"type":"countersign-wrapped-key","version":1,"publicKey":"QUFB","wrapped":"',
      '"}',
    ),
  }),
  ofJson('problemToError', 64 * KiB, (input) => {
    const problem = parseJson(input, { maxBytes: 64 * KiB })
    return isJsonObject(problem) ? problemToError(problem) : undefined
  }),
  {
    name: 'parseJws',
    limit: MAX_TOKEN_CHARACTERS,
    shapes: TOKEN_SHAPES,
    parse: (input) => parseJws(text(input)),
  },
  {
    name: 'parseJwt',
    limit: MAX_TOKEN_CHARACTERS,
    shapes: TOKEN_SHAPES,
    parse: (input) => parseJwt(text(input)),
  },
]
