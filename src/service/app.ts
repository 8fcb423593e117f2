/**
 * The service as a fastify plugin: it listens nowhere. What happens to a request, in this order: id and
 * deadline, drain, 404 and 405, authentication (deny by default), rate limit, coarse policies, account, bytes of the body, queue,
 * strict JSON, schema, then the route.
 *
 * To add a route:
 * 1. Write `routes/NAME.ts` with `export function nameRoutes(app: ServiceApp, context: ServiceContext): void`
 *    (ask for the slice of the context that it needs), and call it in {@link createApp} below.
 * 2. Describe it with TypeBox: `schema: { operationId, summary, tags, params, querystring, body, response }`;
 *    objects of bodies by `strictObject`, so that an unknown member is refused; a schema that other routes have
 *    too gets a `title`. Types, checks, `/openapi.json` and docs/http-api.md follow from that. The operation id
 *    is never changed: clients are generated from it.
 * 3. A route needs a caller unless it says `config: { auth: 'none' }`, and names in `config: { actions: [...] }`
 *    what it authorizes, so that bodies of callers without a permission stay unread. Read the caller with `callerOf(request)`, then
 *    `await context.authorize(caller, accessRequest, request.id)`; work that may fail goes into
 *    `context.failures.watch`, so that the log has it.
 * 4. Handlers are `async` and return their answer; they throw CountersignError for everything else, and hand
 *    `request.deadline` to whatever waits. A POST that signs artifacts answers through `idempotency.once`.
 * 5. Test it through `test/support/service.ts` and `app.inject`: whole body and headers.
 *
 * @packageDocumentation
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { ServiceContext } from './context.ts'
import { keysOfCallers } from './http/account.ts'
import { createIdempotency } from './http/idempotency.ts'
import { lookAtQueues } from './metrics/looks.ts'
import { accounts } from './plugins/accounts.ts'
import { authentication } from './plugins/authentication.ts'
import { deadlines } from './plugins/deadline.ts'
import { drain } from './plugins/drain.ts'
import { earlyDenials } from './plugins/early-denials.ts'
import { forwardedAddresses } from './plugins/forwarded-addresses.ts'
import { jsonBodies } from './plugins/json-body.ts'
import { openapi } from './plugins/openapi.ts'
import { problems } from './plugins/problems.ts'
import { createQueues, queue } from './plugins/queue.ts'
import { requestMetrics } from './plugins/request-metrics.ts'
import { rateLimits } from './plugins/rate-limits.ts'
import { securityHeaders } from './plugins/security-headers.ts'
import { unrouted } from './plugins/unrouted.ts'
import { validation } from './plugins/validation.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { attestationRoutes } from './routes/attestations.ts'
import { batchRoutes } from './routes/batches.ts'
import { descriptionRoutes } from './routes/description.ts'
import { distributionRoutes } from './routes/distribution.ts'
import { healthRoutes } from './routes/health.ts'
import { auditRoutes } from './routes/audit.ts'
import { logRoutes } from './routes/log.ts'
import { keyRoutes } from './routes/keys.ts'
import { signatureRoutes } from './routes/signatures.ts'
import { timestampRoutes } from './routes/timestamps.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { verificationRoutes } from './routes/verifications.ts'

/** Makes the plugin; register it on an instance of `createHttpServer`. */
export function createApp(context: ServiceContext): FastifyPluginAsync {
  const { metrics, settings } = context
  return fp(async (instance: FastifyInstance) => {
    if (metrics !== undefined) await instance.register(requestMetrics, metrics)
    await instance.register(problems, { onProblem: metrics?.problem })
    await instance.register(validation)
    await instance.register(openapi, settings)
    // The order of hooks is the order in which a request meets them.
    await instance.register(deadlines, { ...settings, now: context.now })
    await instance.register(securityHeaders, settings)
    await instance.register(drain)
    await instance.register(forwardedAddresses)
    await instance.register(unrouted)
    await instance.register(rateLimits, settings)
    await instance.register(authentication, context)
    await instance.register(earlyDenials, context)
    await instance.register(accounts, context)
    // A place is taken in the hook behind the body, and before it is parsed.
    // One for each key that callers use, and one for all other work.
    const parts = (): number => keysOfCallers(context.keyring).length + 1
    const queues = createQueues({ ...settings, parts })
    await instance.register(queue, queues)
    metrics?.onRead(lookAtQueues({ ...queues }))
    await instance.register(jsonBodies, { ...settings, parts })

    const app = instance.withTypeProvider<TypeBoxTypeProvider>()
    const idempotency = createIdempotency(context)
    signatureRoutes(app, context, idempotency)
    attestationRoutes(app, context, idempotency)
    batchRoutes(app, context, idempotency)
    await timestampRoutes(app, context)
    tokenRoutes(app, context)
    verificationRoutes(app, context)
    keyRoutes(app, context)
    approvalRoutes(app, context)
    healthRoutes(app, context)
    logRoutes(app, context)
    auditRoutes(app, context)
    distributionRoutes(app, context)
    descriptionRoutes(app)
  })
}
