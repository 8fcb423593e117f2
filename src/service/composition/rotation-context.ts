import type { RotationContext } from '../../rotation/context.ts'
import type { CheckedClock } from '../../rotation/checked-clock.ts'
import { issueTimestampChain } from '../../timestamp/certificates.ts'

/** Time stamps count for ten years; a new version of the key begins a new ten. */
const CERTIFICATE_YEARS = 10

/** What changes of keys stand on, beside the certificates of time-stamp keys. */
export type RotationParts = Omit<RotationContext, 'certify' | 'clock' | 'now'> & {
  /** Address of the service, which the certificates name. */
  readonly issuer: string
  readonly clock: CheckedClock
}

/** Makes the context of changes to keys, dated by the clock of the service. */
export function createRotationContext({
  anchor,
  clock,
  issuer,
  providers,
  randomMark,
  store,
}: RotationParts): RotationContext {
  const { now } = clock
  return {
    ...{ store, providers, now, clock, randomMark, anchor },
    certify: (certified) => {
      const notBefore = now()
      const notAfter = new Date(notBefore)
      notAfter.setUTCFullYear(notAfter.getUTCFullYear() + CERTIFICATE_YEARS)
      return issueTimestampChain({ ...certified, issuer, notBefore, notAfter })
    },
  }
}
