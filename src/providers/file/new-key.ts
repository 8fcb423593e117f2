/**
 * Makes a key pair as two files: the private key and, beside it, its public half.
 *
 * @packageDocumentation
 */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { lstat, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Algorithm, resolveAlgorithm } from '../../crypto/algorithms.ts'
import {
  fromKeyObject,
  type PublicKeyInfo,
  serializePublicKeyPem,
} from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import { hasErrno, writeFileAtomically } from '../../files.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
import type { ReadPassphrase } from './private-key.ts'
import { publicKeyPath } from './public-key-path.ts'

const generate = promisify(generateKeyPair)

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/**
 * Writes a new private key as PKCS#8 (mode 0600, encrypted where there is a passphrase: PBES2 with
 * AES-256-CBC) and its public half as SPKI (mode 0644). Both or neither are there afterwards.
 *
 * @param readPassphrase - asked only where the key could be written
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS — one of the two files is there; ERR_FILE_WRITE —
 * full disk, missing folder, no permission
 */
export async function writeNewKey(
  path: string,
  request: CreateKeyRequest,
  readPassphrase: ReadPassphrase | undefined,
): Promise<void> {
  await assertNewKey(path)
  const publicPath = publicKeyPath(path)
  const passphrase = await readPassphrase?.(path)
  const { privateKey, publicKey } = await generatePair(request)
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption })
  const publicPem = serializePublicKeyPem(fromKeyObject(publicKey, request.algorithm))
  await writeNew(path, pem, 0o600)
  try {
    await writeNew(publicPath, publicPem, 0o644)
  } catch (error) {
    await unlink(path)
    throw error
  }
}

/**
 * Writes the public half of a key file where it is missing: its maker may have been stopped in between.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — full disk, no permission
 */
export async function writePublicHalf(path: string, key: PublicKeyInfo): Promise<void> {
  try {
    await writeNew(publicKeyPath(path), serializePublicKeyPem(key), 0o644)
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_EXISTS')) throw error
  }
}

function generatePair(request: CreateKeyRequest): Promise<KeyPair> {
  const algorithm: Algorithm = resolveAlgorithm(request.algorithm)
  switch (algorithm.family) {
    case 'ecdsa':
      return generate('ec', { namedCurve: algorithm.curve.opensslName })
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return generate('rsa', { modulusLength: requestedRsaBits(request) })
    case 'ed25519':
      return generate('ed25519', {})
  }
}

/**
 * Makes sure that neither file of a new key is there. It spares the making of a key that could not be
 * written; the write itself refuses again, atomically.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS
 */
export async function assertNewKey(path: string): Promise<void> {
  await assertAbsent(path)
  await assertAbsent(publicKeyPath(path))
}

async function assertAbsent(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found !== undefined) throw keyExists(path)
}

async function writeNew(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  try {
    await writeFileAtomically(path, content, { mode })
  } catch (error) {
    throw hasErrno(error, 'EEXIST') ? keyExists(path, error) : error
  }
}

function keyExists(path: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_KEY_EXISTS', `"${path}" already exists`, {
    hint: 'a key is never overwritten: choose another name, or move the old file away',
    cause,
  })
}
