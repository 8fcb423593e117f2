/** Long JSON texts, parsed a piece at a time: nothing else waits for more than a few milliseconds. */
import { nextTurn } from '../crypto/yield-to-event-loop.ts'
import {
  type JsonLimits,
  type JsonValue,
  malformedJson,
  parseJson,
  readText,
  stringEnd,
} from './json.ts'

/** Shorter texts are parsed at once, which is several times as fast. */
const AT_ONCE_BYTES = 64 * 1024
const VALUES_A_TURN = 10_000
const DEFAULT_MAX_DEPTH = 64

/**
 * Parses as {@link parseJson} does, giving others their turn between pieces of a long text.
 *
 * @throws {@link CountersignError} as {@link parseJson}
 */
export async function parseJsonInTurns(
  input: Uint8Array,
  limits: JsonLimits = {},
  atOnceBytes: number = AT_ONCE_BYTES,
): Promise<JsonValue> {
  if (input.length <= atOnceBytes) return parseJson(input, limits)
  const reader = new JsonReader(readText(input, limits), limits.maxDepth ?? DEFAULT_MAX_DEPTH)
  let value: JsonValue | undefined
  do {
    await nextTurn()
    value = reader.read(VALUES_A_TURN)
  } while (value === undefined)
  return value
}

type Container =
  | { readonly kind: 'list'; readonly values: JsonValue[] }
  | { readonly kind: 'object'; readonly members: Record<string, JsonValue>; name: string }

const BLANKS = /[ \t\n\r]*/y
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Reads one text, value by value; where it stands is all its state. */
class JsonReader {
  readonly #text: string
  readonly #maxDepth: number
  /** Arrays and objects that are open, the outermost first. */
  readonly #open: Container[] = []
  #at = 0
  #root: JsonValue | undefined

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  /** Reads so many values more; answers the whole once all is read. */
  read(values: number): JsonValue | undefined {
    for (let count = 0; count < values; count += 1) {
      this.#readValue()
      if (this.#open.length === 0) return this.#end()
    }
    return undefined
  }

  #end(): JsonValue | undefined {
    this.#skipBlanks()
    if (this.#at < this.#text.length) throw notJson()
    return this.#root
  }

  #readValue(): void {
    this.#skipBlanks()
    const char = this.#text[this.#at]
    if (char === '{') this.#openObject()
    else if (char === '[') this.#openList()
    else {
      this.#place(char === '"' ? this.#readString() : this.#readScalar())
      this.#goOn()
    }
  }

  #openObject(): void {
    const members: Record<string, JsonValue> = {}
    this.#place(members)
    this.#enter({ kind: 'object', members, name: '' })
    if (this.#skips('}')) this.#leave()
    else this.#readName()
  }

  #openList(): void {
    const values: JsonValue[] = []
    this.#place(values)
    this.#enter({ kind: 'list', values })
    if (this.#skips(']')) this.#leave()
  }

  #enter(container: Container): void {
    if (this.#open.length === this.#maxDepth) throw malformedJson('nested too deep')
    this.#open.push(container)
    this.#at += 1
  }

  #leave(): void {
    this.#open.pop()
    this.#goOn()
  }

  /** Reads what comes behind a value: a comma before the next one, or the ends of what was open. */
  #goOn(): void {
    for (let inner = this.#open.at(-1); inner !== undefined; inner = this.#open.at(-1)) {
      if (this.#skips(',')) {
        if (inner.kind === 'object') this.#readName()
        return
      }
      if (!this.#skips(inner.kind === 'object' ? '}' : ']')) throw notJson()
      this.#open.pop()
    }
  }

  #readName(): void {
    this.#skipBlanks()
    const inner = this.#open.at(-1)
    if (inner?.kind !== 'object' || this.#text[this.#at] !== '"') throw notJson()
    inner.name = this.#readString()
    if (Object.hasOwn(inner.members, inner.name)) throw malformedJson('a member is named twice')
    if (!this.#skips(':')) throw notJson()
  }

  #place(value: JsonValue): void {
    const inner = this.#open.at(-1)
    if (inner === undefined) this.#root = value
    else if (inner.kind === 'list') inner.values.push(value)
    else if (inner.name === '__proto__') addMember(inner.members, inner.name, value)
    else inner.members[inner.name] = value
  }

  #readString(): string {
    const start = this.#at
    this.#at = stringEnd(this.#text, start)
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch (cause) {
      throw notJson(cause)
    }
  }

  #readScalar(): JsonValue {
    SCALAR.lastIndex = this.#at
    const [found] = SCALAR.exec(this.#text) ?? []
    if (found === undefined) throw notJson()
    this.#at += found.length
    const value = JSON.parse(found) as number | boolean | null
    if (value === Infinity || value === -Infinity) throw malformedJson('a number is out of range')
    return value
  }

  /** Goes over a character, and the blanks before it, where it is the next. */
  #skips(char: string): boolean {
    this.#skipBlanks()
    if (this.#text[this.#at] !== char) return false
    this.#at += 1
    return true
  }

  #skipBlanks(): void {
    BLANKS.lastIndex = this.#at
    this.#at += BLANKS.exec(this.#text)?.[0].length ?? 0
  }
}

/** Assigning `__proto__` would change what the object inherits; JSON.parse makes a member of it. */
function addMember(members: object, name: string, value: JsonValue): void {
  Object.defineProperty(members, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

function notJson(cause?: unknown): Error {
  return malformedJson('not a JSON text', cause)
}
