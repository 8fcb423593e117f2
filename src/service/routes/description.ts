/** `/openapi.json`: the API described by the very schemas that requests are held against. */
import { shareSchemas } from '../schemas/components.ts'
import type { ServiceApp } from '../http/service-app.ts'

/** Registers the route. */
export function descriptionRoutes(app: ServiceApp): void {
  let description: object | undefined
  app.get(
    '/openapi.json',
    { config: { auth: 'none' }, schema: { hide: true } },
    async (_request, reply) => {
      reply.type('application/json; charset=utf-8').header('cache-control', 'public, max-age=300')
      // The description is whole only once every route is there.
      description ??= shareSchemas(app.swagger())
      return Promise.resolve(description)
    },
  )
}
