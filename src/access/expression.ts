/**
 * Reads Cedar's expressions: what names they mention, which conditions they are made of, and what stood
 * behind the names in one request.
 *
 * @packageDocumentation
 */
import type { Expr } from './cedar.ts'

/** Names that a set of policies can depend on. */
export interface MentionedNames {
  /** Attributes, of anything. */
  readonly attributes: ReadonlySet<string>
  /** Tags, of anything; undefined: any tag, since a name is computed. */
  readonly tags: ReadonlySet<string> | undefined
}

type Node = Readonly<Record<string, unknown>>

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}

/** Visits an expression and everything inside it; records of Cedar's JSON and their parts alike. */
function visit(value: unknown, look: (operator: string, operand: unknown) => void): void {
  if (!isNode(value)) return
  for (const [name, inner] of Object.entries(value)) {
    look(name, inner)
    visit(inner, look)
  }
}

/**
 * Collects the names in conditions. Too many is harmless, one too few would let a policy decide without
 * what it asks for, so members of record literals and of values count too: whatever is not an operator
 * of Cedar is a name.
 */
export function collectNames(conditions: readonly unknown[]): MentionedNames {
  const attributes = new Set<string>()
  const tags = new Set<string | undefined>()
  visit(conditions, (operator, operand) => {
    attributes.add(operator)
    if (operator === 'attr') for (const name of [operand].flat()) attributes.add(String(name))
    if (operator !== 'getTag' && operator !== 'hasTag') return
    tags.add(literalText(isNode(operand) ? operand['right'] : undefined))
  })
  const named = new Set([...tags].filter((name) => name !== undefined))
  return { attributes, tags: named.size < tags.size ? undefined : named }
}

/**
 * Whether an expression looks at one of some variables, or at the claims that are asked for, which are part of
 * the context and have a name of their own.
 */
export function mentions(expression: unknown, variables: readonly string[]): boolean {
  let isFound = false
  visit([expression], (operator, operand) => {
    if (operator === 'Var' && variables.some((name) => name === operand)) isFound = true
    if (operator === '__entity' && isNode(operand) && REQUESTED.has(operand['type'])) isFound = true
  })
  return isFound
}

/** Entities that say what is requested; a policy can name them without `context`. */
const REQUESTED: ReadonlySet<unknown> = new Set(['Claims', 'Annotations'])

function literalText(value: unknown): string | undefined {
  const literal = isNode(value) ? value['Value'] : undefined
  return typeof literal === 'string' ? literal : undefined
}

/** Splits `a && b && c` into its conditions, in the order in which they are looked at. */
export function splitConjunction(expression: Expr): readonly Expr[] {
  if (!('&&' in expression)) return [expression]
  const both = expression['&&']
  // Cedar's type of an extension call has any member; a conjunction has exactly these.
  if (!('left' in both)) return [expression]
  return [...splitConjunction(both.left), ...splitConjunction(both.right)]
}

/** What stands behind `principal`, `resource` and `context`, as plain values; tags under `tags`. */
export type Facts = Readonly<Record<string, unknown>>

/** Lists the facts that an expression asks for, for people: `principal.ref is "refs/heads/main"`. */
export function describeFacts(expression: unknown, facts: Facts): readonly string[] {
  const found = new Map<string, unknown>()
  visit([expression], (operator, operand) => {
    if (!isNode(operand)) return
    const path = pathOf(operator, operand)
    if (path !== undefined) found.set(path.join('.'), valueAt(facts, path))
  })
  const paths = [...found.keys()]
  return paths
    .filter((path) => !paths.some((other) => other.startsWith(`${path}.`)))
    .map((path) => `${path} is ${describeValue(found.get(path))}`)
}

/** `principal.kubernetes.pod` for an access to an attribute or a tag by its name; undefined for another expression. */
function pathOf(operator: string, operand: Node): readonly string[] | undefined {
  if (operator === 'getTag' || operator === 'hasTag') {
    const name = literalText(operand['right'])
    const owner = rootPath(operand['left'])
    return name === undefined || owner === undefined ? undefined : [...owner, 'tags', name]
  }
  if (operator !== '.' && operator !== 'has') return undefined
  const owner = rootPath(operand['left'])
  return owner === undefined ? undefined : [...owner, ...[operand['attr']].flat().map(String)]
}

function rootPath(expression: unknown): readonly string[] | undefined {
  if (!isNode(expression)) return undefined
  if (typeof expression['Var'] === 'string') return [expression['Var']]
  const access = expression['.']
  return isNode(access) ? pathOf('.', access) : undefined
}

function valueAt(facts: Facts, path: readonly string[]): unknown {
  let at: unknown = facts
  for (const name of path) at = isNode(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return at
}

const MAX_SHOWN = 200

function describeValue(value: unknown): string {
  if (value === undefined) return 'absent'
  const text = JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
