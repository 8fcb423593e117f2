/**
 * `/livez`, also `/healthz`: the process answers. `/readyz`: it can do its work, and if not, what is missing. Both
 * are public, and name checks and codes; why a key does not sign is for callers who may read that key.
 *
 * @packageDocumentation
 */
import * as Type from 'typebox'
import type { Static } from 'typebox'
import type { ErrorCode } from '../../errors.ts'
import type { Key } from '../../keys/key.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import { type CheckResult, sharedLook } from '../health/look.ts'

const check = Type.Object({
  name: Type.String({ examples: ['store', 'key release'] }),
  ok: Type.Boolean(),
  advisory: Type.Optional(
    Type.Boolean({ description: 'The service can do its work without it; true or left out.' }),
  ),
  code: Type.Optional(Type.String({ description: 'Why not; see docs/errors.md.' })),
  reason: Type.Optional(
    Type.String({
      description:
        'The reason in words: for the store and the log, and of a key for callers who may read it (`readKeys`).',
      examples: ['the store is unavailable: the disk is full'],
    }),
  ),
  since: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'Since when a key does not sign, for callers who may read it.',
    }),
  ),
})

const readiness = Type.Object(
  { ready: Type.Boolean(), checks: Type.Array(check) },
  { title: 'Readiness' },
)

const alive = Type.Object({ ok: Type.Boolean() }, { title: 'Liveness' })

/** By the name that Kubernetes gives it today, and by the older one. */
const LIVENESS = [
  ['/livez', 'checkLiveness'],
  ['/healthz', 'checkHealth'],
] as const

/** Errors whose messages name no host, path or backend, since the route is public. */
const TOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_UNAVAILABLE',
  'ERR_LOG_PROOF_INVALID',
])

/** What the public learns of a key; other codes would describe its backend, and its login above all. */
const PUBLIC_OF_KEYS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_KEY_NOT_FOUND',
  'ERR_KEY_NOT_USABLE',
  'ERR_KEY_REVOKED',
  'ERR_KEY_RULES_DIFFER',
  'ERR_STORE_BEHIND',
  'ERR_TIMEOUT',
])

type HealthContext = Pick<ServiceContext, 'mayReadKey' | 'readiness' | 'settings'>

/** Registers the routes. */
export function healthRoutes(app: ServiceApp, context: HealthContext): void {
  const look = sharedLook(context.readiness, context.settings.requestTimeoutMs)
  for (const [path, operationId] of LIVENESS) {
    app.get(
      path,
      {
        config: { auth: 'none', rateLimit: false, answersAtOnce: true },
        schema: {
          operationId,
          summary: 'Tell that the process answers; looks at nothing else.',
          tags: ['operations'],
          response: { 200: alive },
        },
      },
      async (_request, reply) => {
        reply.header('cache-control', 'no-store')
        return Promise.resolve({ ok: true })
      },
    )
  }
  app.get(
    '/readyz',
    {
      // An operator asks when the service is overloaded, so it waits for nothing.
      config: { auth: 'optional', rateLimit: false, isCostly: false },
      schema: {
        operationId: 'checkReadiness',
        summary:
          'Tell whether the service can do its work, and what is missing; a token adds why a key does not sign.',
        tags: ['operations'],
        response: { 200: readiness, 503: readiness },
      },
    },
    async (request, reply) => {
      const results = await look()
      const ready = isReady(results, context.settings) && !app.isDraining()
      reply.status(ready ? 200 : 503).header('cache-control', 'no-store')
      for (const { name, error } of results) {
        if (error !== undefined) request.log.warn({ name, code: error.code }, error.message)
      }
      const { caller } = request
      const isReader = (key: Key): boolean =>
        caller !== undefined && context.mayReadKey(caller, key)
      return { ready, checks: results.map((result) => describe(result, isReader)) }
    },
  )
}

/** Nothing works without the store and the log. Of the keys one is enough, unless every one must sign. */
function isReady(
  results: readonly CheckResult[],
  { ready }: Pick<ServiceContext['settings'], 'ready'>,
): boolean {
  const isWell = ({ error }: CheckResult): boolean => error === undefined
  const keys = results.filter(({ key }) => key !== undefined)
  const others = results.filter(({ isAdvisory, key }) => key === undefined && !isAdvisory)
  const isAble = ready === 'every' ? keys.every(isWell) : keys.length === 0 || keys.some(isWell)
  return isAble && others.every(isWell)
}

/** What a reader may learn of a check. */
function describe(
  { error, isAdvisory, key, name, since }: CheckResult,
  isReader: (key: Key) => boolean,
): Static<typeof check> {
  const about = { name, ok: error === undefined, ...(isAdvisory && { advisory: true }) }
  if (error === undefined) return about
  const { code, message } = error
  if (key === undefined) return { ...about, code, ...(TOLD.has(code) && { reason: message }) }
  if (!isReader(key)) {
    return { ...about, code: PUBLIC_OF_KEYS.has(code) ? code : 'ERR_PROVIDER_UNAVAILABLE' }
  }
  return { ...about, code, reason: message, ...(since && { since: since.toISOString() }) }
}
