/** Bringing finished bundles to where they belong. */
import type { SignatureOutput } from '../src/artifacts/artifact-signer.ts'
import { createBundleWriter, type ExistingBundle } from '../src/artifacts/bundle-files.ts'
import type { OpenSubject } from '../src/artifacts/open-subject.ts'
import { type Signed, toSigned, toUnsigned } from './sign-result.ts'

/** Delivers one artifact's bundle; what goes wrong becomes its result. */
export type Deliver = (subject: OpenSubject, output: SignatureOutput) => Promise<Signed>

/**
 * Prepares the deliveries of one call: the file first, for that may fail without a trace, then the
 * registry.
 */
export function createDelivery(existing: ExistingBundle): Deliver {
  const write = createBundleWriter(existing)
  return async (subject, output) => {
    const { path, attach } = subject
    try {
      if (path !== undefined && output.bundle !== undefined) await write(path, output.bundle.bundle)
      const attached = await attach?.(output)
      return toSigned(subject, { path, attached, logIndex: output.logIndex })
    } catch (thrown) {
      return toUnsigned(subject.name, thrown)
    }
  }
}
