/**
 * Removes key pairs from a token.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../../../crypto/public-key.ts'
import { CountersignError } from '../../../errors.ts'
import { CKF_RW_SESSION, CKF_SERIAL_SESSION, type Handle } from './cryptoki.ts'
import { findPrivateKeys, findPublicKeys, type ObjectName, nameText, onlyOne } from './objects.ts'
import type { KeyOnToken } from './open-key.ts'
import { readPublicHalf } from './public-key.ts'
import type { TokenSession } from './token.ts'

/**
 * Destroys both halves of a key pair; one that is already destroyed is ignored.
 *
 * @throws {@link CountersignError} ERR_PROVIDER_FAULT — the name means another key; ERR_KEY_URI_INVALID —
 * it means several
 */
export async function destroyKey(
  { connection, name, pin }: KeyOnToken,
  publicKey: PublicKeyInfo,
): Promise<void> {
  await connection.run({ operation: 'destroying a key', pin }, async (given) => {
    const privateKey = onlyOne(findPrivateKeys(given, name), name)
    if (privateKey !== undefined) {
      const found = readPublicHalf(given, privateKey, publicKey.algorithm.name)
      if (found.kid !== publicKey.kid) throw anotherKey(name, publicKey, found)
    }
    await destroyKeyPair(given, name)
  })
}

function anotherKey(
  name: ObjectName,
  expected: PublicKeyInfo,
  found: PublicKeyInfo,
): CountersignError {
  const message = `the token now holds another key as ${nameText(name)}`
  return new CountersignError('ERR_PROVIDER_FAULT', message, {
    hint: 'nothing was destroyed; look for who replaced the key',
    details: { expected: expected.kid, found: found.kid },
  })
}

/** Removes whatever there is of a key pair. */
export async function destroyKeyPair(given: TokenSession, name: ObjectName): Promise<void> {
  const halves = [...findPrivateKeys(given, name), ...findPublicKeys(given, name)]
  await withWritableSession(given, (session) => {
    for (const { handle } of halves) given.cryptoki.C_DestroyObject(session, handle)
  })
}

/** Lends a session that can write: those of the pool can only read the token. */
export async function withWritableSession<T>(
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
