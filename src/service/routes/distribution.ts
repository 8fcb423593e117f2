/**
 * The public documents to verify with: the JWKS and discovery document of token keys, the signed key
 * history, the trusted root, and single keys as PEM. Served from memory, with strong ETags, for any site.
 *
 * @packageDocumentation
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as Type from 'typebox'
import { CountersignError } from '../../errors.ts'
import type { ServiceApp } from '../http/service-app.ts'
import { KEY_HISTORY_PATH, type Publications } from '../publishing/publications.ts'
import type { PublishedPage } from '../publishing/published-pages.ts'
import { QUIET } from '../http/quiet-logger.ts'
import { NOT_MODIFIED, pageOf } from '../schemas/page.ts'

const JSON_TYPE = 'application/json'
const JWKS_TYPE = 'application/jwk-set+json'

/** The documents at fixed paths, what each operation is called, what it does, and the media type. */
const DOCUMENTS: readonly (readonly [string, string, string, string])[] = [
  [
    '/.well-known/jwks.json',
    'getJwks',
    'Fetch the keys that verify tokens now (RFC 7517).',
    JWKS_TYPE,
  ],
  [
    '/.well-known/openid-configuration',
    'getOpenIdConfiguration',
    'Find the JWKS (OpenID Connect Discovery).',
    JSON_TYPE,
  ],
  [
    KEY_HISTORY_PATH,
    'getKeyHistory',
    'Fetch every artifact key there was, with its window (DSSE).',
    JSON_TYPE,
  ],
  [
    '/trust/trusted-root.json',
    'getTrustedRoot',
    'Fetch the Sigstore trusted root: time-stamp authorities and logs.',
    JSON_TYPE,
  ],
]

/** Registers the routes. These pages are public and fetched often: a log line costs more than an answer. */
export function distributionRoutes(
  app: ServiceApp,
  { publications }: { readonly publications: Pick<Publications, 'page'> },
): void {
  const config = { auth: 'none', rateLimit: false, answersAtOnce: true } as const
  for (const [path, operationId, summary, mediaType] of DOCUMENTS) {
    const response = { 200: pageOf(mediaType, 'The document.'), 304: NOT_MODIFIED }
    const schema = { operationId, summary, tags: ['distribution'], response }
    app.get(path, { config, logLevel: QUIET, schema }, (request, reply) => {
      const page = publications.page(path)
      if (page === undefined) throw notYet(path)
      return send(page, request, reply)
    })
  }
  app.get(
    '/keys/:file',
    {
      config,
      logLevel: QUIET,
      schema: {
        operationId: 'getPublicKey',
        summary: 'Fetch one key as PEM, as `cosign verify --key URL` takes it.',
        description: 'A revoked key is not given: a tool that takes a key alone asks for no time.',
        tags: ['distribution'],
        params: Type.Object({ file: Type.String({ pattern: '^[A-Za-z0-9_-]{43}\\.pem$' }) }),
        response: { 200: pageOf('application/x-pem-file', 'The key.'), 304: NOT_MODIFIED },
      },
    },
    (request, reply) => {
      const { file } = request.params
      const page = publications.page(`/keys/${file}`)
      if (page === undefined) throw unknownKey(file)
      return send(page, request, reply)
    },
  )
}

/** A page as the answer; 304 where the caller has it. */
function send(page: PublishedPage, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({
    etag: page.etag,
    'cache-control': `public, max-age=${page.maxAgeSeconds}`,
    'access-control-allow-origin': '*',
  })
  if (hasIt(request.headers['if-none-match'], page.etag)) return reply.status(304).send()
  return reply.type(page.contentType).send(page.body)
}

/** RFC 9110 section 13.1.2: weak comparison with any of a list; the header is attacker-controlled. */
function hasIt(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(etag) || tags.includes('*')
}

function notYet(path: string): CountersignError {
  return new CountersignError('ERR_PROVIDER_UNAVAILABLE', `${path} has not been signed yet`, {
    hint: 'try again; if it stays so, ask the operator about the trust key',
  })
}

function unknownKey(file: string): CountersignError {
  return new CountersignError('ERR_KEY_NOT_FOUND', `no published key is called ${file}`, {
    hint: `it is unknown or revoked: ${KEY_HISTORY_PATH} has every key with its state`,
  })
}
