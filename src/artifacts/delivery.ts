/** Bringing what was signed to where it belongs. */
import type { SignatureOutput } from './artifact-signer.ts'
import type { AttachedDocument } from './attach-signature.ts'
import { type BundleWriter, createBundleWriter, type ExistingBundle } from './bundle-files.ts'
import type { OpenSubject } from './open-subject.ts'

/** Where the signature of one artifact is. */
export interface DeliveredSignature {
  /** Of the bundle file. */
  readonly path: string | undefined
  readonly attached: readonly AttachedDocument[] | undefined
}

/** Delivers the signature of one artifact. */
export type Delivery = (
  subject: OpenSubject,
  output: SignatureOutput,
) => Promise<DeliveredSignature>

/**
 * Prepares the deliveries of one run: the file first, for that may fail without a trace, then the registry.
 *
 * @throws {@link CountersignError} from the delivery: ERR_FILE_WRITE, and those of attaching
 */
export function createDelivery(existing: ExistingBundle): Delivery {
  const write: BundleWriter = createBundleWriter(existing)
  return async ({ path, attach }, output) => {
    if (path !== undefined && output.bundle !== undefined) await write(path, output.bundle.bundle)
    return { path, attached: await attach?.(output) }
  }
}
