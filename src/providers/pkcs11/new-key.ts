/**
 * Makes a key pair on a token: the private key sensitive, never extractable, for signing only.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { type Algorithm, resolveAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'
import { createSigner } from '../../signing/signer.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
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
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKM_EC_EDWARDS_KEY_PAIR_GEN,
  CKM_EC_KEY_PAIR_GEN,
  CKM_RSA_PKCS_KEY_PAIR_GEN,
  type Handle,
} from './cryptoki.ts'
import { toMechanism } from './mechanism.ts'
import { findPrivateKeys, findPublicKeys, type KeyName, nameText } from './objects.ts'
import { type KeyPlace, pinKey } from './open-key.ts'
import type { TokenSession } from './token.ts'

const PROBE = Buffer.from('countersign key create: a signature that says nothing')

/**
 * Makes a key pair at a place and answers its id. It has signed once, and been destroyed again if that
 * signature was no good.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS — the name or the id is taken;
 * ERR_ALGORITHM_UNSUPPORTED — the token has no such keys; ERR_KEY_URI_INVALID — no name is given
 */
export async function createKey(
  { connection, name, pin }: KeyPlace,
  request: CreateKeyRequest,
): Promise<Uint8Array> {
  const { signal } = request
  const algorithm = resolveAlgorithm(request.algorithm)
  const rsaBits = requestedRsaBits(request)
  const label = requireLabel(name)
  const operation = 'making a key'
  const id = await connection.run({ operation, pin, signal }, (given) =>
    generateKeyPair(given, { label, id: name.id, algorithm, rsaBits }),
  )
  const made = { connection, pin, name: { object: label, id } }
  try {
    const pinned = await pinKey(made, { algorithm: algorithm.name })
    await createSigner(pinned.publicKey, createTokenBackend(pinned)).sign(PROBE)
  } catch (error) {
    await connection.run({ operation, pin }, (given) => destroyKeyPair(given, made.name))
    throw error
  }
  return id
}

function requireLabel({ object }: KeyName): string {
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

/** Removes both halves of a key pair that was just made and turned out not to sign. */
async function destroyKeyPair(given: TokenSession, name: KeyName): Promise<void> {
  const halves = [...findPrivateKeys(given, name), ...findPublicKeys(given, name)]
  await withWritableSession(given, (session) => {
    for (const { handle } of halves) given.cryptoki.C_DestroyObject(session, handle)
  })
}

/** The pool's sessions can only read the token. */
async function withWritableSession<T>(
  { cryptoki, link }: TokenSession,
  work: (session: Handle) => T | Promise<T>,
): Promise<T> {
  const session = cryptoki.C_OpenSession(link.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  try {
    return await work(session)
  } finally {
    cryptoki.C_CloseSession(session)
  }
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

function curveParameters(curve: keyof typeof CURVE_PARAMETERS): Attribute {
  return { type: CKA_EC_PARAMS, value: Buffer.from(CURVE_PARAMETERS[curve], 'hex') }
}

function assertFree(given: TokenSession, name: KeyName): void {
  const [taken] = [...findPrivateKeys(given, name), ...findPublicKeys(given, name)]
  if (taken === undefined) return
  throw new CountersignError(
    'ERR_KEY_EXISTS',
    `the token already holds a key ${nameText({ object: taken.label })}`,
    { hint: 'choose another name: a key is never replaced' },
  )
}
