/**
 * `POST /v1/timestamps`: a time-stamp authority (RFC 3161 section 3.4). A time stamp says nothing
 * of who asked, and verifiers' tools send no credentials; so no token is needed, within a bound. Every time stamp
 * that is given is logged.
 *
 * @packageDocumentation
 */
import type { FastifyRequest } from 'fastify'
import { CountersignError } from '../../errors.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext, ServiceSettings } from '../context.ts'
import { throttled } from '../plugins/rate-limits.ts'
import { pageOf } from '../schemas/page.ts'

const QUERY = 'application/timestamp-query'
const REPLY = 'application/timestamp-reply'

/** A request is a digest and a nonce; far less than this. */
const MAX_QUERY_BYTES = 4096

type TimestampContext = Pick<ServiceContext, 'appender' | 'now' | 'settings' | 'timestampAuthority'>

/** Registers the route, apart from all others: they take none of its bodies, and it none of theirs. */
export async function timestampRoutes(app: ServiceApp, context: TimestampContext): Promise<void> {
  await app.register((scope: ServiceApp, _options, done) => {
    scope.removeAllContentTypeParsers()
    registerRoute(scope, context)
    done()
  })
}

function registerRoute(app: ServiceApp, context: TimestampContext): void {
  app.addContentTypeParser(
    QUERY,
    { parseAs: 'buffer', bodyLimit: MAX_QUERY_BYTES },
    (_, body, done) => {
      done(null, body)
    },
  )
  app.post(
    '/v1/timestamps',
    {
      config: { auth: 'optional', isCostly: true },
      preParsing: limitAnonymous(app, context.settings),
      schema: {
        operationId: 'stampTime',
        summary: 'Stamp a time (RFC 3161).',
        description: `Takes a TimeStampReq as \`${QUERY}\`, answers a TimeStampResp as \`${REPLY}\`. What can't be stamped gets a TimeStampResp that says so.`,
        tags: ['signing'],
        consumes: [QUERY],
        response: { 200: pageOf(REPLY, 'A TimeStampResp, also where nothing is stamped.') },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (!(body instanceof Uint8Array)) throw notAQuery()
      const { key, version, authority } = await context.timestampAuthority.active()
      const { account, deadline: signal, until } = request
      const answer = await authority.respond(body, { signal, until, owner: account.owner })
      if ('stamp' in answer) {
        await context.appender.append(
          {
            type: 'timestamp',
            time: context.now(),
            requestId: request.id,
            caller: request.caller,
            key: { name: key.name, version: version.version, kid: version.publicKey.kid },
            serial: answer.stamp.serial,
            digest: answer.stamp.digest,
          },
          { signal: request.deadline },
        )
      }
      reply.type(REPLY).header('cache-control', 'no-store')

      return Buffer.from(answer.response)
    },
  )
}

const HOUR_MS = 3_600_000

/** What one network may have of the time stamps for clients without a permission. */
const SHARE_OF_NETWORK = 1 / 4

/** Every time stamp is an entry of the log for ever, so clients without a permission get so many an hour. */
function limitAnonymous(
  app: ServiceApp,
  { anonymousTimestamps: max }: Pick<ServiceSettings, 'anonymousTimestamps'>,
): (request: FastifyRequest) => Promise<void> {
  const ofNetwork = app.createRateLimit({
    max: Math.ceil(max * SHARE_OF_NETWORK),
    timeWindow: HOUR_MS,
    keyGenerator: ({ account }) => `stamps ${account.owner}`,
  })
  const ofAll = app.createRateLimit({
    max,
    timeWindow: HOUR_MS,
    keyGenerator: () => 'stamps',
  })
  return async (request) => {
    if (request.account.group === 'callers') return
    if (max === 0) throw onlyForCallers(request)
    for (const count of [ofNetwork, ofAll]) {
      const counted = await count(request)
      if (!counted.isAllowed && counted.isExceeded) throw throttled(counted.ttlInSeconds)
    }
  }
}

function onlyForCallers({ caller }: Pick<FastifyRequest, 'caller'>): CountersignError {
  const [code, hint] =
    caller === undefined
      ? ([
          'ERR_NOT_AUTHENTICATED',
          'send a token of a caller whom policies permit something',
        ] as const)
      : (['ERR_NOT_ALLOWED', 'no policy permits this caller anything'] as const)
  return new CountersignError(code, 'this service stamps for its callers only', { hint })
}

function notAQuery(): CountersignError {
  return new CountersignError('ERR_REQUEST_INVALID', `the body is not of the type ${QUERY}`, {
    hint: 'send what "openssl ts -query" makes, with that content-type',
    details: { status: 415 },
  })
}
