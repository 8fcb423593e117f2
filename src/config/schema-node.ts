/** Walking a value along its schema: what validation, settings and the documentation share. */
import type { FormName } from './forms.ts'

/** The part of JSON Schema that the configuration is written in, with `form` for texts. */
export interface SchemaNode {
  /** The type of what a section describes; for the compiler only. */
  readonly '~unsafe'?: unknown
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly enum?: readonly unknown[]
  /** What a text must be, beyond a text. */
  readonly form?: FormName
  readonly minimum?: number
  readonly maximum?: number
  /** Bounds of a duration, both included. */
  readonly least?: string
  readonly most?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  /** A mapping from names of people's choice; there is one pattern. */
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly required?: readonly string[] | undefined
}

/** Names from the root to a value; items of a list by their index. */
export type Path = readonly string[]

/** A place of the schema and the value there; undefined if absent. */
export interface Visit {
  readonly path: Path
  readonly node: SchemaNode
  readonly value: unknown
}

/** Writes a path for people: `keys.release.provider`, `access.issuers[0].issuer`. */
export function describePath(path: Path): string {
  return path.reduce((text, name) => {
    if (/^[0-9]+$/.test(name)) return `${text}[${name}]`
    return text === '' ? name : `${text}.${name}`
  }, '')
}

/** The schema of the values in a mapping whose names people choose; undefined for any other node. */
export function entrySchema(node: SchemaNode): SchemaNode | undefined {
  return Object.values(node.patternProperties ?? {})[0]
}

/** Whether a visited place is one setting: a text or a list, not a mapping, nor a part of a list. */
export function isSetting({ path, node }: Visit): boolean {
  const isItem = path.some((name) => /^[0-9]+$/.test(name))
  return !isItem && node.properties === undefined && node.patternProperties === undefined
}

/** Visits every place the schema has for a value, parents first; of lists and chosen names, those there are. */
export function* visit(node: SchemaNode, value: unknown, path: Path = []): Generator<Visit> {
  yield { path, node, value }
  for (const [name, child] of children(node, value)) {
    yield* visit(child, own(value, name), [...path, name])
  }
}

function children(node: SchemaNode, value: unknown): readonly (readonly [string, SchemaNode])[] {
  const { items } = node
  if (items !== undefined)
    return Array.isArray(value) ? value.map((_, i) => [String(i), items]) : []
  const entry = entrySchema(node)
  if (entry === undefined) return Object.entries(node.properties ?? {})
  return isMapping(value) ? Object.keys(value).map((name) => [name, entry]) : []
}

/** Whether one text can set a place: a text itself, or a list of texts. */
export function isSettable({ type, items }: SchemaNode): boolean {
  return type === 'array' ? items?.type === 'string' : type !== 'object'
}

/** Finds the schema at a path, or undefined where the schema knows no such place. */
export function schemaAt(node: SchemaNode | undefined, path: Path): SchemaNode | undefined {
  const [name, ...rest] = path
  if (node === undefined || name === undefined) return node
  const { items, properties = {} } = node
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined
  return schemaAt(items ?? entrySchema(node) ?? property, rest)
}

/** Finds the value at a path; undefined if absent. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(own, value)
}

/** Reads a member of a mapping or list; never one that is inherited. */
export function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

/** Whether a value is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
