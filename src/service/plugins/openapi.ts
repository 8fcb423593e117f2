/** The description of the API, made of the schemas that requests are held against. */
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { problemSchema } from '../schemas/problem.ts'

const SECURITY = {
  required: [{ caller: [] }],
  optional: [{}, { caller: [] }],
  none: [],
}

/** The plugin; registered before the routes it describes. */
export const openapi: FastifyPluginAsync<{ issuer: string }> = fp(
  async (app: FastifyInstance, { issuer }: { issuer: string }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'countersign',
          description: 'Signs and attests artifacts, and issues tokens, with keys that rotate.',
          version: '1',
        },
        servers: [{ url: issuer }],
        components: {
          securitySchemes: { caller: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
        },
      },
    })
    app.addHook('onRoute', (route) => {
      const { schema, config } = route
      if (schema === undefined) return
      route.schema = {
        ...schema,
        security: SECURITY[config?.auth ?? 'required'],
        response: {
          ...(schema.response ?? {}),
          default: {
            description: 'A problem document.',
            content: { 'application/problem+json': { schema: problemSchema } },
          },
        },
      }
    })
  },
)
