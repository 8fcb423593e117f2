/** Policies as routes ask them: what is denied is in the log before its caller hears of it. */
import type { Authorizer } from '../../access/authorize.ts'
import type { ServiceContext } from '../context.ts'
import type { FailureLog } from '../http/failures.ts'

/** Makes {@link ServiceContext.authorize} of an authorizer. */
export function createAuthorization(
  authorizer: Pick<Authorizer, 'authorizeInTurns'>,
  failures: Pick<FailureLog, 'record'>,
  onDenied?: (action: string, key: string) => void,
): ServiceContext['authorize'] {
  return async (caller, request, requestId) => {
    try {
      await authorizer.authorizeInTurns(caller, request)
    } catch (error) {
      const { action, key } = request
      onDenied?.(action, key.name)
      await failures.record(error, { caller, action, resource: key.name, requestId })
      throw error
    }
  }
}
