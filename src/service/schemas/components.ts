/** Schemas of the API description that several operations share. */

type Node = Readonly<Record<string, unknown>>

/** An API description, as far as sharing looks at it. */
export interface ApiDescription {
  readonly paths?: unknown
  readonly components?: object | undefined
}

/**
 * Moves every schema with a `title` into `components.schemas`, by that title, and refers to it there: a
 * generator of clients makes one type of it.
 *
 * @throws TypeError — two different schemas have one title
 */
export function shareSchemas<T extends ApiDescription>(description: T): T {
  const schemas = new Map<string, unknown>()
  const paths = share(description.paths)
  const found = [...schemas].toSorted(([one], [other]) => (one < other ? -1 : 1))
  const components = { ...description.components, schemas: Object.fromEntries(found) }
  return { ...description, paths, components }

  function share(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(share)
    if (!isNode(value)) return value
    const shared = Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, share(member)]),
    )
    const { title } = value
    if (typeof title !== 'string') return shared
    const known = schemas.get(title) ?? shared
    if (JSON.stringify(known) !== JSON.stringify(shared)) {
      throw new TypeError(`two schemas are called "${title}"`)
    }
    schemas.set(title, shared)
    return { $ref: `#/components/schemas/${title}` }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}
