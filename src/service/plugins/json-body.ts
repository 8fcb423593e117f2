/** Reads JSON bodies with our own strict parser: a member named twice is refused, not guessed. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { parseJson } from '../../formats/json.ts'

/** The plugin. Bodies of other media types are refused unless a route adds a parser for them. */
export const jsonBodies: FastifyPluginCallback<{ maxBodyBytes: number }> = fp(
  (app: FastifyInstance, { maxBodyBytes }: { maxBodyBytes: number }, done) => {
    app.decorateRequest('bodySha256', undefined)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: maxBodyBytes },
      (request, body: Buffer, done) => {
        if (body.length === 0) {
          done(null, undefined)
          return
        }
        // Attacker-controlled from here on.
        request.bodySha256 = createHash('sha256').update(body).digest('hex')
        done(null, parseJson(body, { maxBytes: maxBodyBytes }))
      },
    )
    done()
  },
)
