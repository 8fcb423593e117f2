/**
 * Links between the pages of a list (`Link`, RFC 8288). A registry wrote them, and a link that is missed
 * would cut the list: what cannot be read is an error, not the end.
 *
 * @packageDocumentation
 */

/** One link of a field. */
export interface HeaderLink {
  /** As it is written: absolute, or relative to the address of the answer. */
  readonly target: string
  /** By lower-case name; the first of two with one name. */
  readonly parameters: ReadonlyMap<string, string>
}

const MAX_LENGTH = 16 * 1024
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const TARGET = /[ \t,]*<([^<>]*)>[ \t]*/y
const PARAMETER = new RegExp(
  `;[ \\t]*(?:(${TOKEN})[ \\t]*(?:=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",;]+)))?)?[ \\t]*`,
  'y',
)
const END = /[ \t]*(?:,[ \t,]*|$)/y

/** Parses all links of a field; undefined where it is malformed or over 16 KiB. */
export function parseLinks(field: string): readonly HeaderLink[] | undefined {
  if (field.length > MAX_LENGTH) return undefined
  const links: HeaderLink[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(field)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  while (at < field.length) {
    const target = take(TARGET)?.[1]
    if (target === undefined) return undefined
    const parameters = readParameters(take)
    links.push({ target, parameters })
    if (take(END) === null) return undefined
  }
  return links
}

function readParameters(take: (pattern: RegExp) => RegExpExecArray | null): Map<string, string> {
  const parameters = new Map<string, string>()
  for (let found = take(PARAMETER); found !== null; found = take(PARAMETER)) {
    const [, name = '', quoted, plain = ''] = found
    const key = name.toLowerCase()
    if (key === '' || parameters.has(key)) continue
    parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
  }
  return parameters
}

/** Whether a link has a relation, among others perhaps, whatever the case of its letters. */
export function hasRelation({ parameters }: HeaderLink, relation: string): boolean {
  const relations = (parameters.get('rel') ?? '').toLowerCase().split(/[ \t]+/)
  return relations.includes(relation)
}
