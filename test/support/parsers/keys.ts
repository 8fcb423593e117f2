/** Parsers of keys, certificates and time stamps. */
import { MAX_CERTIFICATE_BYTES, readCertificateKey } from '../../../src/crypto/certificate.ts'
import { toCanonicalSignature } from '../../../src/crypto/low-s.ts'
import { decodePemBlock, findPemBlocks } from '../../../src/crypto/pem.ts'
import {
  parsePublicKeyJwk,
  parsePublicKeyPem,
  parsePublicKeyPkcs1,
  parsePublicKeySpki,
} from '../../../src/crypto/public-key.ts'
import { isJsonObject, parseJson } from '../../../src/formats/json.ts'
import { parsePrivateKeyPem } from '../../../src/providers/file/private-key.ts'
import { parsePublicKeyText } from '../../../src/providers/public-key-text.ts'
import { parseTimestampChain } from '../../../src/timestamp/chain.ts'
import { bitString, sequence } from '../../../src/timestamp/der.ts'
import { readTimestampRequest } from '../../../src/timestamp/request.ts'
import { readTimestampResponse } from '../../../src/timestamp/response.ts'
import { DER_SHAPES, LONG_RSA, PEM_SHAPES, RSA_ALGORITHM, hugeRsa, toPem } from './inputs.ts'
import { KiB, MiB, ofJson, ofText, type ParserAtLimit } from './limits.ts'
import { JSON_SHAPES, repeated } from './shapes.ts'

/** Each with its limit. */
export const KEY_PARSERS: readonly ParserAtLimit[] = [
  {
    name: 'parsePublicKeySpki',
    limit: 64 * KiB,
    shapes: {
      ...DER_SHAPES,
      'one exponent': (length) => sequence(RSA_ALGORITHM, bitString(hugeRsa(length - 100))),
      'a key of 8192 bits': () => LONG_RSA,
    },
    parse: (input) => parsePublicKeySpki(input),
  },
  {
    name: 'parsePublicKeyPkcs1',
    limit: MAX_CERTIFICATE_BYTES,
    shapes: { ...DER_SHAPES, 'one exponent': hugeRsa },
    parse: parsePublicKeyPkcs1,
  },
  ofText('parsePublicKeyPem', 16 * KiB, (input) => parsePublicKeyPem(input), {
    ...PEM_SHAPES,
    'one exponent': (length) =>
      Buffer.from(
        toPem('PUBLIC KEY', sequence(RSA_ALGORITHM, bitString(hugeRsa((length * 3) / 4 - 200)))),
      ),
  }),
  ofText('parsePublicKeyText', 64 * KiB, (input) => parsePublicKeyText(input), {
    ...JSON_SHAPES,
    ...PEM_SHAPES,
  }),
  ofJson(
    'parsePublicKeyJwk',
    64 * KiB,
    (input) => {
      const jwk = parseJson(input)
      return isJsonObject(jwk) ? parsePublicKeyJwk(jwk) : undefined
    },
    { 'one exponent': repeated('____', '{"kty":"RSA","n":"____","e":"', '"}') },
  ),
  ofText('findPemBlocks', MiB, findPemBlocks, PEM_SHAPES),
  ofText('decodePemBlock', MiB, (input) =>
    decodePemBlock({ label: 'A', body: input, text: input }),
  ),
  ofText(
    'parsePrivateKeyPem',
    64 * KiB,
    (input) =>
      parsePrivateKeyPem({ path: 'key.pem', pem: input }, () => Promise.resolve(undefined)),
    PEM_SHAPES,
  ),
  {
    name: 'readCertificateKey',
    limit: MAX_CERTIFICATE_BYTES,
    shapes: DER_SHAPES,
    parse: readCertificateKey,
  },
  ofText('parseTimestampChain', 256 * KiB, parseTimestampChain, PEM_SHAPES),
  { name: 'readTimestampRequest', limit: 4 * KiB, shapes: DER_SHAPES, parse: readTimestampRequest },
  {
    name: 'readTimestampResponse',
    limit: 64 * KiB,
    shapes: DER_SHAPES,
    parse: readTimestampResponse,
  },
  {
    name: 'toCanonicalSignature',
    limit: 64 * KiB,
    shapes: DER_SHAPES,
    parse: toCanonicalSignature,
  },
]
