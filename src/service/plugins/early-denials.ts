/** Refuses before a body is read what no policy may permit: a body costs more than its caller. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AccessScope } from '../../access/action.ts'
import type { ServiceContext } from '../context.ts'
import { findKey } from '../operations/find-key.ts'
import { callerOf } from '../http/request.ts'
import { routeNotFound } from './problems.ts'

type DenialContext = Pick<ServiceContext, 'admit' | 'failures' | 'keyring' | 'metrics'>

/** What a denial names where a route is about no key in particular. */
const ANY_KEY = 'any key'

/** The plugin. Its hook comes behind those that find the caller and count requests, and before the body. */
export const earlyDenials: FastifyPluginCallback<DenialContext> = fp(
  (app: FastifyInstance, context: DenialContext, done) => {
    app.addHook('preParsing', (request, _reply, _payload, done) => {
      if (request.is404) {
        done(routeNotFound())
        return
      }
      const { actions } = request.routeOptions.config
      if (actions === undefined) {
        done()
        return
      }
      admitRequest(context, request, actions).then(() => {
        done()
      }, done)
    })
    done()
  },
)

async function admitRequest(
  { admit, failures, keyring, metrics }: DenialContext,
  request: FastifyRequest,
  actions: readonly AccessScope['action'][],
): Promise<void> {
  const caller = callerOf(request)
  const name = keyParameter(request)
  const attempt = { caller, requestId: request.id, action: actions[0] ?? '' }
  await failures.watch({ ...attempt, resource: name ?? ANY_KEY }, () => {
    const keys = name === undefined ? keyring.snapshot.keys : [findKey(keyring, name)]
    const scopes = keys.flatMap((key) => actions.map((action) => ({ action, key })))
    try {
      admit(caller, scopes)
    } catch (error) {
      metrics?.denial(attempt.action, name ?? '')
      throw error
    }
    return Promise.resolve()
  })
}

/** The name of the key in the address, held against the schema of the route; undefined where it has none. */
function keyParameter(request: FastifyRequest): string | undefined {
  const { params } = request
  if (typeof params !== 'object' || params === null || !('key' in params)) return undefined
  const checked: unknown = request.validateInput(params, 'params')
  if (typeof checked === 'object' && checked !== null && 'error' in checked) throw checked.error
  return String(params.key)
}
