/**
 * `POST /v1/timestamps`: a time-stamp authority (RFC 3161 section 3.4). Anybody may ask: a time stamp says
 * nothing of who asked, and verifiers' tools send no credentials. Every one that is given is logged.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import type { ServiceApp } from '../service-app.ts'
import type { ServiceContext } from '../context.ts'
import { pageOf } from '../schemas/page.ts'

const QUERY = 'application/timestamp-query'
const REPLY = 'application/timestamp-reply'

/** A request is a digest and a nonce; far less than this. */
const MAX_QUERY_BYTES = 4096

type TimestampContext = Pick<ServiceContext, 'appender' | 'now' | 'timestampAuthority'>

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
      config: { auth: 'none', isCostly: true },
      schema: {
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
      const answer = await authority.respond(body, { signal: request.deadline })
      if ('stamp' in answer) {
        await context.appender.append(
          {
            type: 'timestamp',
            time: context.now(),
            requestId: request.id,
            caller: undefined,
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

function notAQuery(): CountersignError {
  return new CountersignError('ERR_REQUEST_INVALID', `the body is not of the type ${QUERY}`, {
    hint: 'send what "openssl ts -query" makes, with that content-type',
    details: { status: 415 },
  })
}
