/**
 * Makes a key pair on a token: the private key sensitive, never extractable, for signing only.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { type Algorithm, resolveAlgorithm } from '../../../crypto/algorithms.ts'
import { CountersignError } from '../../../errors.ts'
import { createSigner } from '../../../signing/signer.ts'
import type { CreateCall } from '../calls.ts'
import { createTokenBackend } from './backend.ts'
import {
  type Attribute,
  CKA_DECRYPT,
  CKA_DERIVE,
  CKA_EC_PARAMS,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_LABEL,
  CKA_MODULUS_BITS,
  CKA_PRIVATE,
  CKA_PUBLIC_EXPONENT,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKA_VERIFY,
  CKM_EC_EDWARDS_KEY_PAIR_GEN,
  CKM_EC_KEY_PAIR_GEN,
  CKM_RSA_PKCS_KEY_PAIR_GEN,
} from './cryptoki.ts'
import { destroyKeyPair, withWritableSession } from './destroy.ts'
import { toMechanism } from './mechanism.ts'
import { findPrivateKeys, findPublicKeys, type ObjectName, nameText } from './objects.ts'
import { type KeyOnToken, pinTokenKey } from './open-key.ts'
import type { TokenSession } from './token.ts'
import { PROBE } from '../probe.ts'

/**
 * Makes a key pair on a token and answers its id. It has signed once, and been destroyed again if that
 * signature was no good.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS — the name or the id is taken;
 * ERR_ALGORITHM_UNSUPPORTED — the token has no such keys; ERR_KEY_URI_INVALID — no name is given
 */
async function createKey(
  { connection, name, pin }: KeyOnToken,
  request: CreateCall,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const algorithm = resolveAlgorithm(request.algorithm)
  const { rsaBits } = request
  const label = requireLabel(name)
  const operation = 'making a key'
  const id = await connection.run({ operation, pin, signal }, (given) =>
    generateKeyPair(given, { label, id: name.id, algorithm, rsaBits }),
  )
  const made = { connection, pin, name: { object: label, id } }
  try {
    const pinned = await pinTokenKey(made, { algorithm: algorithm.name })
    await createSigner(pinned.publicKey, createTokenBackend(pinned)).sign(PROBE)
  } catch (error) {
    await connection.run({ operation, pin }, (given) => destroyKeyPair(given, made.name))
    throw error
  }
  return id
}

/**
 * Makes a key pair whose name and id are given, or finds that an earlier call made it. Half a pair,
 * which a token may have kept when it was stopped, is removed first.
 *
 * @throws {@link CountersignError} as {@link createKey}
 */
export async function createKeyOnce(
  where: KeyOnToken,
  request: CreateCall,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { connection, name, pin } = where
  const { id } = name
  if (id === undefined) throw new TypeError('a key that is created once needs an id')
  if (!request.isRepeated) return createKey(where, request, signal)
  const operation = 'looking for the new key'
  const isMade = await connection.run({ operation, pin, signal }, async (given) => {
    if (findPrivateKeys(given, name).length > 0) return true
    await destroyKeyPair(given, name)
    return false
  })
  return isMade ? id : createKey(where, request, signal)
}

/**
 * The name of a key that is to be made.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — none is given
 */
export function requireLabel({ object }: ObjectName): string {
  if (object !== undefined && object !== '') return object
  throw new CountersignError('ERR_KEY_URI_INVALID', 'a new key on a token needs a name', {
    hint: 'add object=NAME to the key reference',
  })
}

interface NewKey {
  readonly label: string
  /** CKA_ID; random where it is left out. */
  readonly id?: Uint8Array | undefined
  readonly algorithm: Algorithm
  readonly rsaBits: number
}

interface Generation {
  readonly mechanism: number
  readonly parameters: readonly Attribute[]
  /** What else a key of this type could do, were it not forbidden. */
  readonly forbidden: readonly number[]
}

/** DER of the curves' parameters: object identifiers, but the name for Ed25519, which more tokens know. */
const CURVE_PARAMETERS = {
  'P-256': '06082a8648ce3d030107',
  'P-384': '06052b81040022',
  'P-521': '06052b81040023',
  Ed25519: '130c656477617264733235353139',
} as const

async function generateKeyPair(given: TokenSession, key: NewKey): Promise<Uint8Array> {
  const { cryptoki, link } = given
  const id = Buffer.from(key.id ?? randomBytes(16))
  const { mechanism, parameters, forbidden } = toGeneration(key)
  // Asked before a key is made that could not sign.
  for (const needed of [mechanism, toMechanism(key.algorithm).mechanism]) {
    cryptoki.C_GetMechanismInfo(link.slot, needed)
  }
  assertFree(given, { object: key.label })
  assertFree(given, { id })
  const names = [
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: key.label },
    { type: CKA_ID, value: id },
  ]
  const publicTemplate = [
    ...names,
    ...parameters,
    { type: CKA_PRIVATE, value: false },
    { type: CKA_VERIFY, value: true },
  ]
  const privateTemplate = [
    ...names,
    { type: CKA_PRIVATE, value: true },
    { type: CKA_SENSITIVE, value: true },
    { type: CKA_EXTRACTABLE, value: false },
    { type: CKA_SIGN, value: true },
    ...forbidden.map((type) => ({ type, value: false })),
  ]
  await withWritableSession(given, (session) =>
    cryptoki.C_GenerateKeyPairAsync(session, { mechanism }, publicTemplate, privateTemplate),
  )
  return id
}

function toGeneration({ algorithm, rsaBits }: NewKey): Generation {
  switch (algorithm.family) {
    case 'ecdsa':
      return {
        mechanism: CKM_EC_KEY_PAIR_GEN,
        parameters: [curveParameters(algorithm.curve.name)],
        forbidden: [CKA_DERIVE],
      }
    case 'ed25519':
      return {
        mechanism: CKM_EC_EDWARDS_KEY_PAIR_GEN,
        parameters: [curveParameters('Ed25519')],
        forbidden: [CKA_DERIVE],
      }
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return {
        mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN,
        parameters: [
          { type: CKA_MODULUS_BITS, value: rsaBits },
          { type: CKA_PUBLIC_EXPONENT, value: Buffer.from([0x01, 0x00, 0x01]) },
        ],
        forbidden: [CKA_DECRYPT, CKA_UNWRAP],
      }
  }
}

/** CKA_EC_PARAMS of a curve. */
export function curveParameters(curve: keyof typeof CURVE_PARAMETERS): Attribute {
  return { type: CKA_EC_PARAMS, value: Buffer.from(CURVE_PARAMETERS[curve], 'hex') }
}

/**
 * Makes sure that a token has no key of a name.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS
 */
export function assertFree(given: TokenSession, name: ObjectName): void {
  const [taken] = [...findPrivateKeys(given, name), ...findPublicKeys(given, name)]
  if (taken === undefined) return
  throw new CountersignError(
    'ERR_KEY_EXISTS',
    `the token already holds a key ${nameText({ object: taken.label })}`,
    { hint: 'choose another name: a key is never replaced' },
  )
}
