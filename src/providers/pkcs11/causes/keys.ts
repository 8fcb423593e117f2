/** Keys on a token that is open. */
import { pkcs11Tool, returned, site, SPECIFICATION, type TokenCause } from './cause.ts'

const ALGORITHM = 'ERR_ALGORITHM_UNSUPPORTED'

/** Causes in the key that was named. */
export const TOKEN_KEY_CAUSES: readonly TokenCause[] = [
  {
    id: 'certificate-only',
    layer: 'key',
    summary: 'the token has a certificate of that name and no private key',
    code: 'ERR_KEY_NOT_FOUND',
    source: SPECIFICATION,
    matches: site('certificate-only'),
    cure: (facts) =>
      `import the private key of the certificate, or name the key that is on another token; what is there: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'key-absent',
    layer: 'key',
    summary: 'the token has no private key of that name',
    code: 'ERR_KEY_NOT_FOUND',
    source: SPECIFICATION,
    matches: site('key-absent'),
    cure: ({ hint = '', ...facts }) =>
      `correct object or id in the key reference; ${hint}: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'public-half-missing',
    layer: 'key',
    summary: 'the token has the private key and neither its public key nor a certificate of it',
    code: 'ERR_KEY_NOT_FOUND',
    source: SPECIFICATION,
    matches: site('public-half-missing'),
    cure: (facts) =>
      `put the public key object or the certificate beside the private key, with the same CKA_ID; what is there: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'certificates-differ',
    layer: 'key',
    summary: 'the certificates beside the private key are of different keys',
    code: 'ERR_KEY_URI_INVALID',
    source: SPECIFICATION,
    matches: site('certificates-differ'),
    cure: ({ hint = '', ...facts }) => `${hint}: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'key-ambiguous',
    layer: 'key reference',
    summary: 'several keys match the key reference',
    code: 'ERR_KEY_URI_INVALID',
    source: 'https://www.rfc-editor.org/rfc/rfc7512#section-2.4',
    matches: site('key-ambiguous'),
    cure: ({ hint = '' }) => hint,
  },
  {
    id: 'always-authenticate',
    layer: 'key',
    summary: 'the key asks for a login for each signature, which the token does not take',
    code: 'ERR_OPERATION_UNSUPPORTED',
    source: SPECIFICATION,
    matches: site('always-authenticate'),
    cure: () => 'use a key without CKA_ALWAYS_AUTHENTICATE',
  },
  {
    id: 'mechanism-missing',
    layer: 'mechanism',
    summary: 'the token does not have the mechanism of the algorithm',
    code: ALGORITHM,
    source: SPECIFICATION,
    matches: returned(0x70, 0x71),
    cure: (facts) =>
      `choose an algorithm whose mechanism the token has: ${pkcs11Tool('pkcs11-tool -M', facts)}`,
  },
  {
    id: 'key-size-unsupported',
    layer: 'mechanism',
    summary: 'the token does not have keys of this size or curve',
    code: ALGORITHM,
    source: SPECIFICATION,
    matches: returned(0x62, 0x130, 0x140),
    cure: (facts) =>
      `choose a size or curve that the token has: ${pkcs11Tool('pkcs11-tool -M', facts)}`,
  },
  {
    id: 'not-permitted',
    layer: 'key attributes',
    summary: 'the key may not sign, or not with this mechanism',
    code: 'ERR_KEY_NOT_USABLE',
    source: SPECIFICATION,
    matches: returned(0x68),
    cure: (facts) =>
      `use a key with CKA_SIGN whose CKA_ALLOWED_MECHANISMS has the mechanism: ${pkcs11Tool('pkcs11-tool --keypairgen --key-type EC:prime256v1 --usage-sign --login', facts)}`,
  },
  {
    id: 'key-type-wrong',
    layer: 'key',
    summary: 'the key is of a kind that the mechanism does not take, or too short for it',
    code: 'ERR_KEY_INVALID',
    source: SPECIFICATION,
    matches: returned(0x21, 0x63),
    cure: (facts) =>
      `use an RSA key of 2048 bits or more, or an EC key: ${pkcs11Tool('pkcs11-tool --login -O --type privkey', facts)}`,
  },
  {
    id: 'key-exhausted',
    layer: 'key',
    summary: 'the key has made all its signatures',
    code: 'ERR_KEY_NOT_USABLE',
    source: SPECIFICATION,
    matches: returned(0x203),
    cure: () => 'rotate to a new key: this one signs no more',
  },
  {
    id: 'public-half-differs',
    layer: 'key',
    summary: 'the private key is larger than its public key or certificate on the token',
    code: 'ERR_PROVIDER_FAULT',
    source: SPECIFICATION,
    matches: returned(0x150),
    cure: (facts) =>
      `give the objects of one key pair the same CKA_ID, and others another: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'template-refused',
    layer: 'token',
    summary: 'the token does not create keys with the attributes that countersign asks for',
    code: 'ERR_OPERATION_UNSUPPORTED',
    source: SPECIFICATION,
    matches: returned(0xd0, 0xd1),
    cure: (facts) =>
      `create one with another tool, and name it by its URI: ${pkcs11Tool('pkcs11-tool --keypairgen --key-type EC:prime256v1 --usage-sign --login', facts)}`,
  },
  {
    id: 'function-unsupported',
    layer: 'module',
    summary: 'the module does not have the function',
    code: 'ERR_OPERATION_UNSUPPORTED',
    source: SPECIFICATION,
    matches: returned(0x54),
    cure: (facts) =>
      `see what the token can do, and use another tool for this: ${pkcs11Tool('pkcs11-tool -M', facts)}`,
  },
]
