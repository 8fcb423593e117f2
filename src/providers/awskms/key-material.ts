/** Key material of the user's own in KMS: a key of Origin EXTERNAL, made empty and then filled once. */
import { CountersignError } from '../../errors.ts'
import type { ImportParameters } from '../../formats/key-import.ts'
import { assertImported, type MaterialImport } from '../key-material.ts'
import type { CreateKeyRequest } from '../provider.ts'
import { createEmptyKey } from './create.ts'
import { type KmsPlace, readKeyInRegions } from './regions.ts'
import { createKmsSigner } from './signer.ts'
import type { AwsKmsUri } from './uri.ts'
import { type NewKeyContext, onceVisible } from './visibility.ts'

/**
 * Makes a key that waits for its material (PendingImport) under the alias `uri` names.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — in several regions; and as createKmsKey
 */
export async function createEmptyKmsKey(
  context: NewKeyContext,
  uri: AwsKmsUri,
  request: CreateKeyRequest,
): Promise<AwsKmsUri> {
  assertOneRegion(context.others.length)
  return createEmptyKey(context, uri, request)
}

/** Asks for a new wrapping key; what was wrapped with an earlier one is imported with its own token. */
export async function kmsImportParameters(
  places: readonly KmsPlace[],
  signal?: AbortSignal,
): Promise<Omit<ImportParameters, 'key'>> {
  const [place] = places
  assertOneRegion(places.length - 1)
  if (place === undefined) throw new TypeError('a key is in one region at least')
  const { client, keyId } = place
  const given = await client.getParametersForImport(keyId, signal)
  return { wrapping: 'RSA_AES_KEY_WRAP_SHA_256', ...given }
}

/**
 * Imports material that does not expire, and signs once with it.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — KMS cannot unwrap it, or the key is another
 */
export async function importKmsMaterial(
  places: readonly KmsPlace[],
  { wrapped, parameters, publicKey, signal }: MaterialImport,
  delay: NewKeyContext['delay'],
): Promise<string> {
  assertOneRegion(places.length - 1)
  for (const { client, keyId } of places) {
    const material = { keyId, token: parameters.token, material: wrapped }
    await client.importKeyMaterial(material, signal).catch(throwExplained)
  }
  const options = { algorithm: publicKey.algorithm.name, signal }
  let arn = ''
  await onceVisible({ delay }, signal, async () => {
    const found = await readKeyInRegions(places, options)
    await assertImported(createKmsSigner(found), publicKey)
    arn = found.arn
  })
  return arn
}

function assertOneRegion(others: number): void {
  if (others === 0) return
  const message = 'key material is imported in one region at a time'
  throw new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    hint: 'name one region: ?region=…',
  })
}

/** What is wrong with the files of a ceremony, by the name of KMS's error. */
const REFUSALS: Readonly<Record<string, string>> = {
  ExpiredImportTokenException:
    'its import token has expired after 24 hours: get new parameters and wrap the key again',
  IncorrectKeyMaterialException:
    'the key is of another type than the KMS key, or not the one that was imported before',
  InvalidCiphertextException: 'it was wrapped with another wrapping key, or was damaged',
  InvalidImportTokenException: 'its import token is that of another key, or was damaged',
}

function throwExplained(error: unknown): never {
  const name = CountersignError.is(error) ? error.details['awsErrorName'] : undefined
  const hint = typeof name === 'string' ? REFUSALS[name] : undefined
  if (hint === undefined || !CountersignError.is(error)) throw error
  const message = `KMS does not import the key material (${String(name)})`
  throw new CountersignError('ERR_KEY_INVALID', message, {
    hint,
    details: error.details,
    cause: error,
  })
}
