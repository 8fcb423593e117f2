/**
 * `/livez`, also `/healthz`: the process answers. `/readyz`: it can do its work, and if not, what is missing. Both are
 * for the operator; they name checks and reasons, never hosts.
 *
 * @packageDocumentation
 */
import * as Type from 'typebox'
import { untilCancelled } from '../../basics/cancellation.ts'
import { type ErrorCode, toCountersignError } from '../../errors.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ReadinessCheck, ServiceContext } from '../context.ts'

const check = Type.Object({
  name: Type.String({ examples: ['store', 'key release'] }),
  ok: Type.Boolean(),
  advisory: Type.Optional(
    Type.Boolean({ description: 'The service can do its work without it; true or left out.' }),
  ),
  code: Type.Optional(Type.String({ description: 'Why not; see docs/errors.md.' })),
  reason: Type.Optional(
    Type.String({
      description: 'The reason in words, for the store and the log.',
      examples: ['the store is unavailable: the disk is full'],
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

interface CheckResult {
  readonly name: string
  readonly ok: boolean
  readonly advisory?: boolean
  readonly code?: ErrorCode
  readonly reason?: string
}

/** Errors whose messages name no host, path or backend, since the route is public. */
const TOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_UNAVAILABLE',
  'ERR_LOG_PROOF_INVALID',
])

type HealthContext = Pick<ServiceContext, 'readiness' | 'settings'>

/** Registers the routes. */
export function healthRoutes(app: ServiceApp, context: HealthContext): void {
  const look = sharedLook(context)
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
      config: { auth: 'none', rateLimit: false },
      schema: {
        operationId: 'checkReadiness',
        summary: 'Tell whether the service can do its work, and what is missing.',
        tags: ['operations'],
        response: { 200: readiness, 503: readiness },
      },
    },
    async (request, reply) => {
      const checks = await look()
      const isAble = checks.every(({ advisory, ok }) => ok || advisory === true)
      const ready = isAble && !app.isDraining()
      reply.status(ready ? 200 : 503).header('cache-control', 'no-store')
      for (const { name, code, reason } of checks) {
        if (code !== undefined) request.log.warn({ name, code, reason })
      }
      return { ready, checks }
    },
  )
}

/** The route is public and unlimited: concurrent requests share one check. */
function sharedLook({ readiness, settings }: HealthContext): () => Promise<CheckResult[]> {
  let running: Promise<CheckResult[]> | undefined
  const start = async (): Promise<CheckResult[]> => {
    // A deadline of its own, since the first client may leave before the others.
    const signal = AbortSignal.timeout(settings.requestTimeoutMs)
    try {
      return await Promise.all(readiness().map((one) => run(one, signal)))
    } finally {
      running = undefined
    }
  }
  return () => (running ??= start())
}

async function run(
  { check, isAdvisory = false, name }: ReadinessCheck,
  signal: AbortSignal,
): Promise<CheckResult> {
  const about = { name, ...(isAdvisory && { advisory: true }) }
  try {
    await untilCancelled(check(signal), signal)
    return { ...about, ok: true }
  } catch (error) {
    const { code, message } = toCountersignError(error)
    return { ...about, ok: false, code, ...(TOLD.has(code) && { reason: message }) }
  }
}
