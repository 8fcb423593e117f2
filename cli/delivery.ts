/** Bringing finished bundles to where they belong. */
import type { Made } from '../src/artifacts/attach-signature.ts'
import { type ExistingBundle, writeBundle } from './bundle-files.ts'
import { type Signed, toSigned, toUnsigned } from './sign-result.ts'
import type { Signable } from './signable.ts'

/** Delivers one artifact's bundle; what goes wrong becomes its result. */
export type Deliver = (signable: Signable, made: Made) => Promise<Signed>

/**
 * Prepares the deliveries of one call: the file first, for that may fail without a trace, then the
 * registry. A file that several artifacts share is written once.
 */
export function createDelivery(existing: ExistingBundle): Deliver {
  const written = new Map<string, Promise<void>>()
  const writeOnce = (path: string, bundle: Uint8Array): Promise<void> => {
    const writing = written.get(path) ?? writeBundle(path, bundle, existing)
    written.set(path, writing)
    return writing
  }
  return async (signable, made) => {
    const { path, attach } = signable
    try {
      if (path !== undefined && made.bundle !== undefined) await writeOnce(path, made.bundle.bundle)
      const attached = await attach?.(made)
      return toSigned(signable, { path, attached, logIndex: made.logIndex })
    } catch (thrown) {
      return toUnsigned(signable.name, thrown)
    }
  }
}
