/** Bringing finished bundles to where they belong. */
import type { SignatureOutput } from '../src/artifacts/artifact-signer.ts'
import { type ExistingBundle, writeBundle } from './bundle-files.ts'
import { type Signed, toSigned, toUnsigned } from './sign-result.ts'
import type { Signable } from './signable.ts'

/** Delivers one artifact's bundle; what goes wrong becomes its result. */
export type Deliver = (signable: Signable, output: SignatureOutput) => Promise<Signed>

/**
 * Prepares the deliveries of one call: the file first, for that may fail without a trace, then the
 * registry. A bundle that several artifacts share is written once, and several bundles of one file are added
 * to each other.
 */
export function createDelivery(existing: ExistingBundle): Deliver {
  const files = new Map<string, Map<Uint8Array, Promise<void>>>()
  const writeOnce = (path: string, bundle: Uint8Array): Promise<void> => {
    const written = files.get(path) ?? new Map<Uint8Array, Promise<void>>()
    files.set(path, written)
    const earlier = [...written.values()].at(-1)
    const write = async (): Promise<void> => {
      await earlier
      await writeBundle(path, bundle, earlier === undefined ? existing : 'append')
    }
    const writing = written.get(bundle) ?? write()
    written.set(bundle, writing)
    return writing
  }
  return async (signable, output) => {
    const { path, attach } = signable
    try {
      if (path !== undefined && output.bundle !== undefined)
        await writeOnce(path, output.bundle.bundle)
      const attached = await attach?.(output)
      return toSigned(signable, { path, attached, logIndex: output.logIndex })
    } catch (thrown) {
      return toUnsigned(signable.name, thrown)
    }
  }
}
