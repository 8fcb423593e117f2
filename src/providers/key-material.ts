/**
 * What a provider may be able to do with key material that was made elsewhere: take it in wrapped, so that it is
 * nowhere in the clear but where it was made and in the backend.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { ImportParameters } from '../formats/key-import.ts'
import type { Signer } from '../signing/signer.ts'
import type { KeyUri } from './key-uri.ts'
import type { CreateKeyRequest, KeyProvider, OpenKeyOptions } from './provider.ts'

/** Wrapped material, and what it must turn out to be. */
export interface MaterialImport {
  readonly uri: KeyUri
  readonly wrapped: Uint8Array
  readonly parameters: Pick<ImportParameters, 'token' | 'wrapping'>
  readonly publicKey: PublicKeyInfo
  readonly signal?: AbortSignal | undefined
}

/** A provider that takes in key material. */
export interface MaterialImporter {
  /** Answers what material for a key is to be wrapped with. */
  importParameters(uri: KeyUri, options?: OpenKeyOptions): Promise<Omit<ImportParameters, 'key'>>
  /**
   * Has the backend unwrap material, makes sure that the key is the expected one and signs, and answers the URI
   * that pins it.
   *
   * @throws {@link CountersignError} ERR_KEY_INVALID — it cannot be unwrapped, or is another key
   */
  importMaterial(request: MaterialImport): Promise<KeyUri>
}

/** A provider whose keys exist before their material does. */
export interface EmptyCreation {
  /** Creates a key without material and answers the URI that pins it. */
  createEmpty(request: CreateKeyRequest): Promise<KeyUri>
}

/** Whether a provider takes in key material. */
export function canImportMaterial(
  provider: KeyProvider,
): provider is KeyProvider & MaterialImporter {
  return 'importMaterial' in provider
}

/** Whether a provider creates keys without material. */
export function canCreateEmpty(provider: KeyProvider): provider is KeyProvider & EmptyCreation {
  return 'createEmpty' in provider
}

const PROBE = new TextEncoder().encode('countersign self-test')

/**
 * Makes sure that imported material is the expected key pair, and signs once with it.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — it is another; and what signing throws
 */
export async function assertImported(signer: Signer, expected: PublicKeyInfo): Promise<void> {
  if (!Buffer.from(signer.key.spki).equals(expected.spki)) {
    throw new CountersignError('ERR_KEY_INVALID', 'the imported key pair is not the expected one', {
      hint: 'never use it: destroy the key, and repeat the ceremony',
      details: { expected: expected.kid, found: signer.key.kid },
    })
  }
  await signer.sign(PROBE)
}
