/** What the errors of backends state about their causes. */
import type { CountersignError } from '../errors.ts'

/** What has to change for a backend to answer, and the stable name of the cause. */
export interface CauseNames {
  readonly layer?: string
  readonly cause?: string
}

/** The cause of an error, where a backend's answer states it. */
export function causeOf({ details }: CountersignError): CauseNames {
  const { layer, cause } = details
  return {
    ...(typeof layer === 'string' && { layer }),
    ...(typeof cause === 'string' && { cause }),
  }
}
