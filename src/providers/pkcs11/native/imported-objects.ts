/** The objects of an imported key pair, as a token is to keep them. */
import type { Algorithm } from '../../../crypto/algorithms.ts'
import { decodeBase64Url } from '../../../crypto/base64.ts'
import { type PublicKeyInfo, serializePublicKeyJwk } from '../../../crypto/public-key.ts'
import {
  type Attribute,
  CKA_CLASS,
  CKA_DECRYPT,
  CKA_DERIVE,
  CKA_EC_POINT,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_MODULUS,
  CKA_PRIVATE,
  CKA_PUBLIC_EXPONENT,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKA_VERIFY,
  CKK_EC,
  CKK_EC_EDWARDS,
  CKK_RSA,
  CKO_PUBLIC_KEY,
} from './cryptoki.ts'
import { curveParameters } from './new-key.ts'
import type { ObjectName } from './objects.ts'

/** A private key that signs, never leaves the token, and does nothing else. */
export function toPrivateTemplate(name: Required<ObjectName>, algorithm: Algorithm): Attribute[] {
  const keyType = keyTypeOf(algorithm)
  const forbidden = [CKA_DECRYPT, CKA_UNWRAP, ...(keyType === CKK_RSA ? [] : [CKA_DERIVE])]
  return [
    { type: CKA_KEY_TYPE, value: keyType },
    ...namesOf(name),
    { type: CKA_PRIVATE, value: true },
    { type: CKA_SENSITIVE, value: true },
    { type: CKA_EXTRACTABLE, value: false },
    { type: CKA_SIGN, value: true },
    ...forbidden.map((type) => ({ type, value: false })),
  ]
}

/** Its public half. */
export function toPublicTemplate(name: Required<ObjectName>, key: PublicKeyInfo): Attribute[] {
  return [
    { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
    { type: CKA_KEY_TYPE, value: keyTypeOf(key.algorithm) },
    ...namesOf(name),
    { type: CKA_PRIVATE, value: false },
    { type: CKA_VERIFY, value: true },
    ...numbersOf(key),
  ]
}

function namesOf({ object, id }: Required<ObjectName>): Attribute[] {
  return [
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: object },
    { type: CKA_ID, value: Buffer.from(id) },
  ]
}

function keyTypeOf({ family }: Algorithm): number {
  if (family === 'ecdsa') return CKK_EC
  return family === 'ed25519' ? CKK_EC_EDWARDS : CKK_RSA
}

function numbersOf(key: PublicKeyInfo): Attribute[] {
  const { algorithm } = key
  const jwk: Readonly<Record<string, unknown>> = { ...serializePublicKeyJwk(key) }
  const number = (member: string): Buffer => {
    const text = jwk[member]
    const bytes = typeof text === 'string' ? decodeBase64Url(text) : undefined
    if (bytes === undefined) throw new TypeError(`the public key has no ${member}`)
    return Buffer.from(bytes)
  }
  switch (algorithm.family) {
    case 'ecdsa': {
      const point = Buffer.concat([Buffer.of(0x04), number('x'), number('y')])
      return [curveParameters(algorithm.curve.name), toPoint(point)]
    }
    case 'ed25519':
      return [curveParameters('Ed25519'), toPoint(number('x'))]
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return [
        { type: CKA_MODULUS, value: number('n') },
        { type: CKA_PUBLIC_EXPONENT, value: number('e') },
      ]
  }
}

/** As DER: an OCTET STRING of the point. */
function toPoint(point: Buffer): Attribute {
  const { length } = point
  const header = length < 0x80 ? Buffer.of(0x04, length) : Buffer.of(0x04, 0x81, length)
  return { type: CKA_EC_POINT, value: Buffer.concat([header, point]) }
}
