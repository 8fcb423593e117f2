/** The service as tests meet it: the real app, called through `inject`, without a socket. */
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../../src/access/caller.ts'
import { CountersignError } from '../../src/errors.ts'
import type { ServiceContext, ServiceSettings } from '../../src/service/context.ts'
import { createHttpServer } from '../../src/service/http-server.ts'

/** Whoever calls with {@link CREDENTIALS}. */
export const CALLER: Caller = {
  kind: 'static',
  issuer: 'static',
  subject: 'tester',
  claims: { sub: 'tester' },
}

/** Headers of an authenticated request. */
export const CREDENTIALS = { authorization: 'Bearer let-me-in' } as const

/** Small bounds that a test can meet. */
export const SETTINGS: ServiceSettings = {
  issuer: 'https://sign.example.com',
  maxBodyBytes: 64 * 1024,
  requestTimeoutMs: 30_000,
  maxConcurrent: 8,
  maxQueue: 8,
  requestsPerMinute: 1000,
  failuresPerMinute: 1000,
  idempotencySeconds: 3600,
}

/** Stands where a test shall not go: whatever is read of it fails. */
function unreached(name: string): never {
  return new Proxy({} as never, {
    get: () => {
      throw new Error(`this test has no ${name}`)
    },
  })
}

/** Makes a context of a test's own parts. */
export function serviceContext(parts: Partial<ServiceContext> = {}): ServiceContext {
  let ids = 0
  return {
    settings: SETTINGS,
    store: unreached('store'),
    keyring: unreached('keyring'),
    appender: unreached('appender'),
    now: () => new Date('2026-11-22T10:00:00Z'),
    randomId: () => `id-${(ids += 1)}`,
    authenticate: (authorization) =>
      authorization === CREDENTIALS.authorization
        ? Promise.resolve(CALLER)
        : Promise.reject(new CountersignError('ERR_NOT_AUTHENTICATED', 'there is no token')),
    authorize: () =>
      Promise.reject(new CountersignError('ERR_NOT_ALLOWED', 'no policy permits it')),
    readiness: () => [],
    ...parts,
  }
}

/** Makes the app on such a context; close it with `await using`. */
export function createService(parts: Partial<ServiceContext> = {}): Promise<FastifyInstance> {
  return createHttpServer(serviceContext(parts))
}
