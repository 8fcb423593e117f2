/** Opening a key by its reference, for callers of the library. */
import { assertMembers, assertObject, assertText } from '../basics/arguments.ts'
import type { AlgorithmName } from '../crypto/algorithms.ts'
import type { KeyUri } from '../providers/key-uri.ts'
import type { Signer } from '../signing/signer.ts'
import { systemClock } from './defaults.ts'

/** How a key is opened by its reference. */
export interface OpenKeyByReference {
  /** Pins the algorithm where the key allows several (RSA); default: the key's usual one. */
  readonly algorithm?: AlgorithmName | undefined
  /** Passphrase of an encrypted key file. */
  readonly passphrase?: string | undefined
  /** PIN of a PKCS#11 token; default: COUNTERSIGN_PKCS11_PIN of `env`. */
  readonly pin?: string | undefined
  /** Names proxies, and the PKCS#11 module, as `process.env` does; default: none. The AWS SDK reads its own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly signal?: AbortSignal | undefined
}

/** An open key; disposing it closes its connection. */
export interface OpenedKey extends Signer, AsyncDisposable {}

/**
 * Opens a key that this machine reaches: a reference of any backend, or the path of a key file. The backend's code is
 * loaded with its first key.
 *
 * @throws TypeError — wrong arguments
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID; ERR_KEY_NOT_FOUND, ERR_PASSPHRASE_WRONG, ERR_PIN_WRONG,
 * ERR_NOT_ALLOWED, ERR_PROVIDER_UNAVAILABLE, and what else the backend's refusals and outages are
 *
 * @example
 * ```ts
 * import { openKey } from 'countersign'
 *
 * await using key = await openKey('release.pem')
 * const signature = await key.sign(Buffer.from('a small message'))
 * console.log(key.key.algorithm.name, signature.length) // ES256 64
 * ```
 */
export async function openKey(
  reference: string | KeyUri,
  options: OpenKeyByReference = {},
): Promise<OpenedKey> {
  if (typeof reference === 'object') assertObject('reference', reference)
  else assertText('reference', reference)
  assertMembers('options', options, {
    algorithm: 'text?',
    passphrase: 'string?',
    pin: 'string?',
    env: 'object?',
    signal: 'signal?',
  })
  const { algorithm, passphrase, pin, env = {}, signal } = options
  const [{ createProviders }, { allLoaders }] = await Promise.all([
    import('../providers/registry.ts'),
    import('../providers/loaders.ts'),
  ])
  const readPassphrase = (): Promise<string | undefined> => Promise.resolve(passphrase)
  const providers = createProviders(
    allLoaders({
      env,
      fetch: globalThis.fetch,
      now: systemClock,
      readPassphrase,
      readNewPassphrase: readPassphrase,
      readSecret: ({ variable }) => Promise.resolve(pin ?? env[variable]),
    }),
  )
  try {
    const signer = await providers.openKey(reference, { algorithm, signal })
    return { ...signer, [Symbol.asyncDispose]: () => providers[Symbol.asyncDispose]() }
  } catch (error) {
    await providers[Symbol.asyncDispose]()
    throw error
  }
}
