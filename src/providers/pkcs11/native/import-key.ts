/**
 * Private keys that were made elsewhere, unwrapped inside a token: an AES key with an RSA key pair of the token, and
 * with it the private key. CKM_RSA_AES_KEY_WRAP does both at once, but few tokens have it.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import type { PublicKeyInfo } from '../../../crypto/public-key.ts'
import { CountersignError } from '../../../errors.ts'
import { createSigner } from '../../../signing/signer.ts'
import type { AnswerOf, RequestOf } from '../calls.ts'
import { createTokenBackend } from './backend.ts'
import {
  type Attribute,
  CKA_CLASS,
  CKA_DECRYPT,
  CKA_ENCRYPT,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_MODULUS_BITS,
  CKA_PRIVATE,
  CKA_PUBLIC_EXPONENT,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKA_VERIFY,
  CKA_WRAP,
  CKG_MGF1_SHA1,
  CKK_AES,
  CKM_AES_KEY_WRAP_PAD,
  CKM_RSA_PKCS_KEY_PAIR_GEN,
  CKM_RSA_PKCS_OAEP,
  CKM_SHA_1,
  CKO_PRIVATE_KEY,
  CKO_SECRET_KEY,
  CKZ_DATA_SPECIFIED,
  type Handle,
  PARAMETERS_RSA_OAEP,
} from './cryptoki.ts'
import { destroyKeyPair, withWritableSession } from './destroy.ts'
import { returnValueOf } from './errors.ts'
import { toPrivateTemplate, toPublicTemplate } from './imported-objects.ts'
import { assertFree, requireLabel } from './new-key.ts'
import { findPrivateKeys, type ObjectName } from './objects.ts'
import { type KeyOnToken, pinTokenKey } from './open-key.ts'
import { readTokenPublicKey } from './public-key.ts'
import type { TokenSession } from './token.ts'
import { PROBE } from '../probe.ts'

const WRAPPING_LABEL = 'countersign-wrapping-key'
/** Strength of AES-128, which no key that is imported needs more than; small enough for old cards. */
const WRAPPING_BITS = 3072
/** Tokens of PKCS#11 v2.40 have no other hash for OAEP; its strength does not rest on collisions. */
const OAEP = {
  mechanism: CKM_RSA_PKCS_OAEP,
  parameter: {
    type: PARAMETERS_RSA_OAEP,
    hashAlg: CKM_SHA_1,
    mgf: CKG_MGF1_SHA1,
    source: CKZ_DATA_SPECIFIED,
  },
} as const

/** Makes a wrapping key pair on the token, which unwraps and does nothing else. */
export function makeWrappingKey(
  { connection, pin }: KeyOnToken,
  signal?: AbortSignal,
): Promise<AnswerOf<'importParameters'>> {
  const id = randomBytes(16)
  return connection.run({ operation: 'making a wrapping key', pin, signal }, (given) =>
    withWritableSession(given, async (session) => {
      const { cryptoki, link } = given
      for (const needed of [CKM_RSA_PKCS_OAEP, CKM_AES_KEY_WRAP_PAD]) {
        cryptoki.C_GetMechanismInfo(link.slot, needed)
      }
      const { publicTemplate, privateTemplate } = wrappingTemplates(id)
      const mechanism = { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN }
      const made = await cryptoki.C_GenerateKeyPairAsync(
        session,
        mechanism,
        publicTemplate,
        privateTemplate,
      )
      const key = readTokenPublicKey(given, made.publicKey, undefined)
      if (key === undefined) throw new TypeError('the token shows no public half of a new key')
      return { wrappingKey: key.spki, token: id }
    }),
  )
}

function wrappingTemplates(id: Buffer): {
  readonly publicTemplate: Attribute[]
  readonly privateTemplate: Attribute[]
} {
  const names = [
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: WRAPPING_LABEL },
    { type: CKA_ID, value: id },
  ]
  return {
    publicTemplate: [
      ...names,
      { type: CKA_PRIVATE, value: false },
      { type: CKA_MODULUS_BITS, value: WRAPPING_BITS },
      { type: CKA_PUBLIC_EXPONENT, value: Buffer.from([0x01, 0x00, 0x01]) },
      { type: CKA_WRAP, value: true },
      { type: CKA_ENCRYPT, value: false },
      { type: CKA_VERIFY, value: false },
    ],
    privateTemplate: [
      ...names,
      { type: CKA_PRIVATE, value: true },
      { type: CKA_SENSITIVE, value: true },
      { type: CKA_EXTRACTABLE, value: false },
      { type: CKA_UNWRAP, value: true },
      { type: CKA_DECRYPT, value: false },
      { type: CKA_SIGN, value: false },
    ],
  }
}

/**
 * Unwraps a private key inside the token and answers its id. It has signed once, and been destroyed again if
 * that signature was not one of the expected key; the wrapping key pair is destroyed once it is not needed.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS — the name or the id is taken; ERR_KEY_INVALID — the token
 * cannot unwrap it, or it is another key; ERR_KEY_URI_INVALID — no name is given
 */
export async function importWrappedKey(
  { connection, name, pin }: KeyOnToken,
  request: RequestOf<'importMaterial'>,
  publicKey: PublicKeyInfo,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const operation = 'importing a key'
  const id = Buffer.from(name.id ?? randomBytes(16))
  const made = { object: requireLabel(name), id }
  const wrapping = { object: WRAPPING_LABEL, id: request.token }
  await connection.run({ operation, pin, signal }, async (given) => {
    assertFree(given, { object: made.object })
    assertFree(given, { id })
    await unwrapInto(given, made, { request, publicKey, wrapping })
  })
  try {
    const where = { connection, pin, name: made }
    const pinned = await pinTokenKey(where, { algorithm: publicKey.algorithm.name })
    await createSigner(publicKey, createTokenBackend(pinned)).sign(PROBE)
  } catch (error) {
    await connection.run({ operation, pin }, (given) => destroyKeyPair(given, made))
    if (!CountersignError.is(error, 'ERR_PROVIDER_FAULT')) throw error
    const message = 'the imported key pair is not the expected one; it was destroyed again'
    throw invalid(message, 'stop the ceremony: another key was wrapped', error)
  }
  await connection.run({ operation, pin }, (given) => destroyKeyPair(given, wrapping))
  return id
}

interface Unwrapping {
  readonly request: RequestOf<'importMaterial'>
  readonly publicKey: PublicKeyInfo
  readonly wrapping: ObjectName
}

async function unwrapInto(
  given: TokenSession,
  made: Required<ObjectName>,
  { request, publicKey, wrapping }: Unwrapping,
): Promise<void> {
  const { cryptoki } = given
  const [wrappingKey] = findPrivateKeys(given, wrapping)
  if (wrappingKey === undefined) {
    const hint = 'import it into the token that gave the parameters, once'
    throw invalid('the token has no wrapping key of these parameters', hint)
  }
  const wrapped = Buffer.from(request.wrapped)
  await withWritableSession(given, (session) => {
    const size = WRAPPING_BITS / 8
    if (wrapped.length <= size) throw invalid('the wrapped key is too short', 'it was cut off')
    const head = wrapped.subarray(0, size)
    const secret = unwrapping(() =>
      cryptoki.C_UnwrapKey(session, OAEP, wrappingKey.handle, head, AES_TEMPLATE),
    )
    try {
      const mechanism = { mechanism: CKM_AES_KEY_WRAP_PAD }
      const template = [
        { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
        ...toPrivateTemplate(made, publicKey.algorithm),
      ]
      unwrapping(() =>
        cryptoki.C_UnwrapKey(session, mechanism, secret, wrapped.subarray(size), template),
      )
    } finally {
      cryptoki.C_DestroyObject(session, secret)
    }
    cryptoki.C_CreateObject(session, toPublicTemplate(made, publicKey))
  })
}

const AES_TEMPLATE: Attribute[] = [
  { type: CKA_CLASS, value: CKO_SECRET_KEY },
  { type: CKA_KEY_TYPE, value: CKK_AES },
  { type: CKA_TOKEN, value: false },
  { type: CKA_SENSITIVE, value: true },
  { type: CKA_EXTRACTABLE, value: false },
  { type: CKA_UNWRAP, value: true },
]

/** CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_ENCRYPTED_DATA_*, CKR_WRAPPED_KEY_*: SoftHSM has no clearer ones. */
const NOT_UNWRAPPED: readonly number[] = [0x05, 0x06, 0x40, 0x41, 0x110, 0x112]

function unwrapping(work: () => Handle): Handle {
  try {
    return work()
  } catch (error) {
    const value = returnValueOf(error)
    if (value === undefined || !NOT_UNWRAPPED.includes(value)) throw error
    const hint =
      'it was wrapped with another wrapping key, was damaged, or is of a type that this token does not unwrap'
    throw invalid('the token cannot unwrap the key', hint, error)
  }
}

function invalid(message: string, hint: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', message, {
    hint,
    details: { provider: 'pkcs11' },
    cause,
  })
}
