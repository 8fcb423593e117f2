/**
 * Fastify with nothing of ours: the least that the same framework costs for the same bytes. Routes and
 * answers are in a file, JSON of {@link BareRoute}s: `node bench/service/bare-server.ts FILE`.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import { fastify } from 'fastify'

/** A route that always answers the same. */
export interface BareRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const [, , path = ''] = process.argv
const app = fastify()
for (const { method, path: url, headers, body } of JSON.parse(
  readFileSync(path, 'utf8'),
) as BareRoute[]) {
  const bytes = Buffer.from(body)
  app.route({
    method,
    url,
    handler: (_request, reply) => reply.headers(headers).send(bytes),
  })
}
const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.stderr.write(`listening on ${address}\n`)
process.once('SIGTERM', () => void app.close())
