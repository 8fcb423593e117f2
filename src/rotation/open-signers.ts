/** Signers of key versions, opened once each and held while the version may sign. */
import { untilCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { toBackendFault } from '../providers/backend-fault.ts'
import type { Providers } from '../providers/registry.ts'
import { isDigestSigner, type Signer } from '../signing/signer.ts'

/** How a call to a backend ended. */
export type CallEnd = 'opened' | 'signed' | { readonly thrown: unknown }

/** Sees every call to a backend, with the version that it is for. */
export interface SigningObserver {
  /** A call begins; what it returns is called when the call ends, or is left behind by who waited for it. */
  readonly begin: (version: KeyVersion) => (end: CallEnd) => void
}

/** The signer of a version, and the location that it was opened in. */
interface OpenSigner {
  readonly uri: string
  readonly opening: Promise<Signer>
}

/** Holds open signers by kid. */
export class OpenSigners {
  readonly #openKey: Providers['openKey']
  readonly #observer: SigningObserver | undefined
  /** Filled by open, emptied by keepOnly and by failures. */
  readonly #signers = new Map<string, OpenSigner>()

  constructor(openKey: Providers['openKey'], observer?: SigningObserver) {
    this.#openKey = openKey
    this.#observer = observer
  }

  /**
   * Opens the signer of a version, or gives the one that is open. It has the public key the version has
   * in the store, whatever its reference has come to mean.
   *
   * @throws {@link CountersignError} ERR_PROVIDER_FAULT — the reference holds another key;
   * ERR_PROVIDER_UNAVAILABLE, as all that its signer throws — see {@link toBackendFault}
   */
  open(version: KeyVersion): Promise<Signer> {
    const { kid } = version.publicKey
    const known = this.#signers.get(kid)
    // A version that was relocated is opened where it is now.
    if (known?.uri === version.uri) return known.opening
    const opening = openForCallers(this.#openKey, version, this.#observer)
    this.#signers.set(kid, { uri: version.uri, opening })
    // A failure is not remembered: the backend may be back for the next call.
    opening.catch(() => {
      if (this.#signers.get(kid)?.opening === opening) this.#signers.delete(kid)
    })
    return opening
  }

  /** Forgets the signers of all versions but these. */
  keepOnly(versions: readonly KeyVersion[]): void {
    const kids = new Set(versions.map(({ publicKey }) => publicKey.kid))
    for (const kid of this.#signers.keys()) {
      if (!kids.has(kid)) this.#signers.delete(kid)
    }
  }
}

/**
 * Opens the signer of a version, with the public key that the version has in the store.
 *
 * @throws {@link CountersignError} ERR_PROVIDER_FAULT — the reference holds another key; and what opening
 * throws
 */
export async function openPinned(
  openKey: Providers['openKey'],
  { uri, publicKey, key, version }: KeyVersion,
): Promise<Signer> {
  const signer = await openKey(uri, { algorithm: publicKey.algorithm.name })
  if (Buffer.from(signer.key.spki).equals(publicKey.spki)) return signer
  const message = `the backend now holds another key as ${key}@${version}`
  throw new CountersignError('ERR_PROVIDER_FAULT', message, {
    hint: 'nothing was signed; find out who replaced it, and revoke the version if it may be stolen',
    details: { key, version, expected: publicKey.kid, found: signer.key.kid },
  })
}

/** Opens a signer whose failures are reported as the service's, not the caller's, and seen by an observer. */
async function openForCallers(
  openKey: Providers['openKey'],
  version: KeyVersion,
  observer?: SigningObserver,
): Promise<Signer> {
  const what = `the backend of ${version.key}@${version.version} does not sign`
  const guard = async <T>(
    work: () => Promise<T>,
    end: 'opened' | 'signed',
    signal?: AbortSignal,
  ): Promise<T> => {
    const ended = observer?.begin(version)
    try {
      const result = await untilCancelled(work(), signal)
      ended?.(end)
      return result
    } catch (error) {
      const fault = toBackendFault(error, what)
      ended?.({ thrown: fault })
      throw fault
    }
  }
  const signer = await guard(() => openPinned(openKey, version), 'opened')
  const guarded: Signer = {
    key: signer.key,
    sign: (message, options) =>
      guard(() => signer.sign(message, options), 'signed', options?.signal),
  }
  if (!isDigestSigner(signer)) return guarded
  const signDigest: typeof signer.signDigest = (digest, options) =>
    guard(() => signer.signDigest(digest, options), 'signed', options?.signal)
  return Object.assign(guarded, { signDigest })
}
