/** Decides to whose account a request goes: what it takes of memory and places is counted and bounded there. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Account, keysOfCallers, networkOf } from '../http/account.ts'
import type { ServiceContext } from '../context.ts'
import { callerId } from '../http/request.ts'

type AccountsContext = Pick<ServiceContext, 'keyring' | 'mayBePermitted'>

/** The plugin; its hook comes behind the coarse policies, which let only callers with a permission pass. */
export const accounts: FastifyPluginCallback<AccountsContext> = fp(
  (app: FastifyInstance, { keyring, mayBePermitted }: AccountsContext, done) => {
    app.decorateRequest('account')
    app.addHook('preParsing', (request, _reply, _payload, done) => {
      request.account = accountOf(request)
      done()
    })

    function accountOf({ caller, ip, params, routeOptions }: FastifyRequest): Account {
      const isPermitted = routeOptions.config.actions !== undefined
      if (caller !== undefined && (isPermitted || mayBePermitted(caller))) {
        return { group: 'callers', owner: callerId(caller), part: partOf(params) }
      }
      return { group: 'others', owner: networkOf(ip), part: partOf(params) }
    }

    function partOf(params: unknown): string {
      if (typeof params !== 'object' || params === null || !('key' in params)) return ''
      const { key } = params
      return keysOfCallers(keyring).find((name) => name === key) ?? ''
    }
    done()
  },
)
