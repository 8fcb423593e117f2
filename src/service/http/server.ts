/** The fastify instance under the app: what can't be set by a plugin. It listens nowhere by itself. */
import { Server as TlsServer } from 'node:tls'
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { createApp } from '../app.ts'
import { createClientErrorHandler } from './client-errors.ts'
import type { ServiceContext, ServiceSettings } from '../context.ts'
import { sendProblem } from '../plugins/problems.ts'
import { childLoggerFactory } from './quiet-logger.ts'
import { RequestLog } from './request-log.ts'
import type { TlsFiles } from './tls-files.ts'

/** How the instance meets its surroundings. */
export interface HttpServerOptions {
  readonly logger?: FastifyServerOptions['logger']
  /** Addresses of proxies whose `x-forwarded-for` is trusted; default: none. */
  readonly trustProxy?: readonly string[]
  /** Certificate chain and private key, PEM; undefined: plain http. */
  readonly tls?: TlsFiles | undefined
}

/** Ids of requests as callers may choose them; anything else is replaced. */
const REQUEST_ID_FORM = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/

const MAX_CHECKING_MS = 1000

/** No path is longer: Node refuses it with the headers. */
const MAX_PARAM_CHARACTERS = 16_384

/** Makes an instance with the app on it, ready for `inject` or `listen`. */
export async function createHttpServer(
  context: ServiceContext,
  { logger = false, trustProxy = [], tls }: HttpServerOptions = {},
): Promise<FastifyInstance> {
  const { settings, randomId } = context
  const limits = connectionLimits(settings)
  const server = fastify({
    logger,
    logController: new RequestLog(),
    childLoggerFactory,
    ...(tls === undefined ? { http: limits } : { https: { ...limits, ...secureContextOf(tls) } }),
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    bodyLimit: settings.maxBodyBytes,
    // Schemas bound what is in paths, and say so; the router would say nothing.
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
    requestTimeout: settings.requestTimeoutMs,
    forceCloseConnections: 'idle',
    // Refusals while draining are problem documents like all others.
    return503OnClosing: false,
    genReqId: ({ headers }) => {
      const chosen = headers['x-request-id']
      return typeof chosen === 'string' && REQUEST_ID_FORM.test(chosen) ? chosen : randomId()
    },
    clientErrorHandler: createClientErrorHandler(randomId),
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply)
    },
  })
  await server.register(createApp(context))
  return server
}

/**
 * Takes another certificate for connections from now on; those that stand go on.
 *
 * @throws Error — it cannot be used: the one before stays
 */
export function renewSecureContext({ server }: FastifyInstance, files: TlsFiles): void {
  if (server instanceof TlsServer) server.setSecureContext(secureContextOf(files))
}

function secureContextOf({ cert, key }: TlsFiles): {
  readonly cert: Buffer
  readonly key: Buffer
  readonly minVersion: 'TLSv1.2'
} {
  // The oldest TLS that RFC 9325 allows, whatever this Node is configured to.
  return { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' }
}

/** Node looks for slow requests at intervals; by default so seldom that a timeout doubles. */
function connectionLimits({ requestTimeoutMs }: Pick<ServiceSettings, 'requestTimeoutMs'>): {
  readonly requestTimeout: number
  readonly headersTimeout: number
  readonly connectionsCheckingInterval: number
} {
  return {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(MAX_CHECKING_MS, requestTimeoutMs),
  }
}
