/**
 * Finds the key a PKCS#11 URI means, and pins it.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../../../crypto/public-key.ts'
import type { OpenKeyOptions } from '../../provider.ts'
import { returnValueOf } from './errors.ts'
import { CKR_USER_NOT_LOGGED_IN } from './return-values.ts'
import { toMechanism } from './mechanism.ts'
import {
  findCertificates,
  findPrivateKey,
  findPublicKeys,
  type ObjectName,
  onlyOne,
} from './objects.ts'
import { readCertificates, readPublicHalf, readTokenPublicKey } from './public-key.ts'
import type { TokenConnection, TokenSession } from './token.ts'

/** What a URI points to: a token, and the name of a key on it. */
export interface KeyOnToken {
  readonly connection: TokenConnection
  readonly name: ObjectName
  /** Where to find the PIN whenever a login is needed. */
  readonly pin: () => Promise<string | undefined>
}

/** A private key on a token, pinned by the public key it had when it was opened. */
export interface PinnedTokenKey extends KeyOnToken {
  readonly publicKey: PublicKeyInfo
}

/**
 * Reads the public key on a token, without a login if the token allows that.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND, ERR_KEY_INVALID, ERR_KEY_URI_INVALID; and what
 * TokenConnection.run throws
 */
export async function describeTokenKey(
  { connection, name, pin }: KeyOnToken,
  { algorithm, signal }: OpenKeyOptions,
): Promise<PublicKeyInfo> {
  const operation = 'reading the public key'
  const visible = await connection.run({ operation, signal }, (given) =>
    readVisible(given, name, algorithm),
  )
  if (visible !== undefined) return visible
  return connection.run({ operation, signal, pin }, (given) =>
    readPublicHalf(given, findPrivateKey(given, name), algorithm),
  )
}

function readVisible(
  given: TokenSession,
  name: ObjectName,
  algorithm: string | undefined,
): PublicKeyInfo | undefined {
  try {
    const found = onlyOne(findPublicKeys(given, name), name)
    if (found !== undefined) return readTokenPublicKey(given, found.handle, algorithm)
    const certificates = findCertificates(given, name)
    // Which of several is meant, the private key shows after the login.
    return certificates.length > 1 ? undefined : readCertificates(given, certificates, algorithm)
  } catch (error) {
    // Some tokens show nothing at all before the login.
    if (returnValueOf(error) === CKR_USER_NOT_LOGGED_IN) return undefined
    throw error
  }
}

/**
 * Logs in, finds the private key on a token and pins it by its public half.
 *
 * @throws {@link CountersignError} as {@link describeTokenKey}; ERR_ALGORITHM_UNSUPPORTED — the token lacks
 * the mechanism
 */
export async function pinTokenKey(
  { connection, name, pin }: KeyOnToken,
  { algorithm, signal }: OpenKeyOptions,
): Promise<PinnedTokenKey> {
  return connection.run({ operation: 'opening the key', pin, signal }, (given) => {
    const privateKey = findPrivateKey(given, name)
    const { id, label } = privateKey
    const publicKey = readPublicHalf(given, privateKey, algorithm)
    given.cryptoki.C_GetMechanismInfo(given.link.slot, toMechanism(publicKey.algorithm).mechanism)
    const exactName = { object: label, ...(id.length > 0 ? { id } : {}) }
    return { connection, pin, name: exactName, publicKey }
  })
}
