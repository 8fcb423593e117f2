/**
 * YAML 1.2 (core schema) with the place of everything in it. One document, text keys only, no key
 * twice, aliases bounded.
 *
 * @packageDocumentation
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import type { FileOrigin } from './origin.ts'
import type { ConfigProblem } from './problem.ts'
import type { Path } from './schema-node.ts'

/** How often one anchor may multiply what the file says; a few aliases are a style, many are a bomb. */
const MAX_ALIASES = 50

/** A name, a colon, a value and a line end are five of them; files of settings have some hundreds. */
const MAX_TOKENS = 10_000
const TWICE = 'this name is there twice in one mapping'

interface Mistake {
  readonly message: string
  readonly offset: number
}

/** What a YAML text says, and where. */
export interface YamlText {
  /** Plain mappings, lists and scalars; undefined where there are problems. */
  readonly value: unknown
  readonly problems: readonly ConfigProblem[]
  /** The place of a setting's name, or of the closest thing above it that is there. */
  readonly locate: (path: Path) => FileOrigin
}

const PARSE_OPTIONS = {
  version: '1.2',
  schema: 'core',
  resolveKnownTags: false,
  stringKeys: true,
  // The parser compares each name with all before it; ours are found by {@link repeatedNames}.
  uniqueKeys: false,
  prettyErrors: false,
  // At `silent` a second document would go unnoticed.
  logLevel: 'error',
} as const

/** Parses a YAML text; whatever is wrong with it becomes a problem with a place, never an exception. */
export function parseYamlText(text: string, file: string): YamlText {
  const lineCounter = new LineCounter()
  const at = (offset: number): FileOrigin => {
    const { line, col } = lineCounter.linePos(offset)
    return { kind: 'file', file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  if (hasManyTokens(text)) {
    const problem = { path: '', message: 'too long: settings take far less', origin: at(0) }
    return { value: undefined, problems: [problem], locate: () => at(0) }
  }
  const document = parseDocument(text, { ...PARSE_OPTIONS, lineCounter })
  const locate = (path: Path): FileOrigin => at(offsetOf(document, path))
  const mistakes = mistakesOf(document).map(({ code, message, pos }) => ({
    message: MESSAGES[code] ?? plainMessage(message),
    offset: pos[0],
  }))
  const found = mistakes.length > 0 ? mistakes : repeatedNames(document)
  const problems = found.map(({ message, offset }) => ({ path: '', message, origin: at(offset) }))
  if (problems.length > 0) return { value: undefined, problems, locate }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), problems, locate }
  } catch {
    const message = 'an alias without its anchor, or too many aliases'
    return { value: undefined, problems: [{ path: '', message, origin: at(0) }], locate }
  }
}

/** Lexing is a tenth of the work, and bounds the rest of it. */
function hasManyTokens(text: string): boolean {
  let tokens = 0
  for (const token of new Lexer().lex(text)) {
    if (token !== '') tokens += 1
    if (tokens > MAX_TOKENS) return true
  }
  return false
}

/** Names that are there twice in one mapping: JSON keeps the last, other readers the first. */
function repeatedNames(document: Document): readonly Mistake[] {
  const mistakes: Mistake[] = []
  visit(document, {
    Map: (_key, map) => {
      const names = new Set<unknown>()
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key
        if (names.has(name)) mistakes.push({ message: TWICE, offset: startOf(key) ?? 0 })
        names.add(name)
      }
    },
  })
  return mistakes.slice(0, MAX_PROBLEMS)
}

/** The parser's errors, and its warnings: what it only guesses at is not good enough for keys. */
function mistakesOf({ errors, warnings }: Document): readonly YAMLError[] {
  const overflow = errors.find(({ message }) => isOverflow(message))
  return overflow === undefined ? [...errors, ...warnings].slice(0, MAX_PROBLEMS) : [overflow]
}

/** After that many mistakes of syntax, the rest only follows from them. */
const MAX_PROBLEMS = 10

/** The parser reports its own exhausted stack like a mistake of syntax. */
function isOverflow(message: string): boolean {
  return message.includes('call stack')
}

const MESSAGES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'a second document begins here; one file holds one',
  NON_STRING_KEY: 'a name must be a text',
  TAB_AS_INDENT: 'a tab indents this line; YAML takes spaces only',
}

/** In the form of ours: no capital, no full stop. */
function plainMessage(message: string): string {
  if (isOverflow(message)) return 'nested too deeply'
  return `${message.slice(0, 1).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`
}

function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const name of path) {
    const member = memberOf(document, node, name)
    if (member === undefined) break
    offset = startOf(isPair(member) ? member.key : member) ?? offset
    node = isPair(member) ? member.value : member
  }
  return offset
}

function memberOf(document: Document, node: unknown, name: string): Pair | Node | undefined {
  const target = isAlias(node) ? node.resolve(document) : node
  if (isMap(target)) return target.items.find(({ key }) => isScalar(key) && key.value === name)
  const item: unknown = isSeq(target) ? target.items[Number(name)] : undefined
  return isPair(item) ? item : (item as Node | undefined)
}

function startOf(node: unknown): number | undefined {
  const range: unknown =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined
}
