/** Decides to whose account a request goes: what it takes of memory and places is counted and bounded there. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Account, networkOf } from '../http/account.ts'
import type { ServiceContext } from '../context.ts'
import { callerId } from '../http/request.ts'

/** The plugin; its hook comes behind the coarse policies, which let only callers with a permission pass. */
export const accounts: FastifyPluginCallback<Pick<ServiceContext, 'mayBePermitted'>> = fp(
  (app: FastifyInstance, { mayBePermitted }: Pick<ServiceContext, 'mayBePermitted'>, done) => {
    app.decorateRequest('account')
    app.addHook('preParsing', (request, _reply, _payload, done) => {
      request.account = accountOf(request)
      done()
    })

    function accountOf({ caller, ip, routeOptions }: FastifyRequest): Account {
      const isPermitted = routeOptions.config.actions !== undefined
      if (caller !== undefined && (isPermitted || mayBePermitted(caller))) {
        return { group: 'callers', owner: callerId(caller) }
      }
      return { group: 'others', owner: networkOf(ip) }
    }
    done()
  },
)
