/** Checks of what callers of the library pass, who may have no types. */

interface Kind {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
}

type KindName =
  | 'text'
  | 'string'
  | 'boolean'
  | 'number'
  | 'function'
  | 'object'
  | 'list'
  | 'texts'
  | 'date'
  | 'bytes'
  | 'signal'

const KINDS: Readonly<Record<KindName, Kind>> = {
  text: kind('a string with content', (value) => typeof value === 'string' && value !== ''),
  string: kind('a string', (value) => typeof value === 'string'),
  boolean: kind('a boolean', (value) => typeof value === 'boolean'),
  number: kind('a number', (value) => typeof value === 'number' && !Number.isNaN(value)),
  function: kind('a function', (value) => typeof value === 'function'),
  object: kind('an object', isPlainObject),
  list: kind('an array', Array.isArray),
  texts: kind(
    'an array of strings',
    (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  ),
  date: kind('a Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())),
  bytes: kind('a Uint8Array', (value) => value instanceof Uint8Array),
  signal: kind('an AbortSignal', (value) => value instanceof AbortSignal),
}

/** Kinds of values, each also as one that may be left out. */
export type Members = Readonly<Record<string, KindName | `${KindName}?`>>

function kind(expected: string, accepts: Kind['accepts']): Kind {
  return { expected, accepts }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Makes sure that an option is a text.
 *
 * @throws TypeError — it is anything else, or empty
 */
export function assertText(name: string, value: unknown): asserts value is string {
  assertKind(name, value, KINDS.text)
}

/**
 * Makes sure that an option is an object.
 *
 * @throws TypeError — it is anything else
 */
export function assertObject(name: string, value: unknown): asserts value is object {
  assertKind(name, value, KINDS.object)
}

/**
 * Makes sure that an option is an object with members of these kinds; others are not looked at.
 *
 * @throws TypeError — it is not, by the name of the member
 */
export function assertMembers(name: string, value: unknown, members: Members): void {
  assertObject(name, value)
  const found = value as Readonly<Record<string, unknown>>
  for (const [member, wanted] of Object.entries(members)) {
    if (wanted.endsWith('?') && found[member] === undefined) continue
    const key = wanted.replace('?', '') as KindName
    assertKind(name === 'options' ? member : `${name}.${member}`, found[member], KINDS[key])
  }
}

/**
 * Makes sure that an option which may be left out is one of several words.
 *
 * @throws TypeError — it is another
 */
export function assertChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || choices.some((choice) => choice === value)) return
  assertKind(
    name,
    value,
    kind(`one of ${choices.join(', ')}`, () => false),
  )
}

function assertKind(name: string, value: unknown, { expected, accepts }: Kind): void {
  if (accepts(value)) return
  throw new TypeError(`the option ${name} must be ${expected}, got ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'an array'
  return value === null ? 'null' : typeof value
}
