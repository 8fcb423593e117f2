/**
 * Challenges of `WWW-Authenticate` (RFC 9110 section 11.6.1). A field may hold several, of schemes
 * known and unknown; the sender is not trusted.
 *
 * @packageDocumentation
 */

/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** By lower-case name; the first of two with one name. */
  readonly parameters: ReadonlyMap<string, string>
}

const MAX_LENGTH = 8192
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const END = '(?=[ \\t]*(?:,|$))'
const PARAMETER = `(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))${END}`
/** A scheme, with the token68 some schemes carry in place of parameters. */
const SCHEME = `(${TOKEN})(?:[ \\t]+[\\w.~+/-]+=+${END})?`
const ITEM = new RegExp(`${PARAMETER}|${SCHEME}`, 'g')

/** Parses all challenges of a field; what is malformed is skipped, a field over 8 KiB holds none. */
export function parseChallenges(field: string): readonly Challenge[] {
  if (field.length > MAX_LENGTH) return []
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  for (const [, name, quoted, plain = '', scheme] of field.matchAll(ITEM)) {
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() })
    }
    const parameters = challenges.at(-1)?.parameters
    const key = name?.toLowerCase()
    if (key === undefined || parameters === undefined || parameters.has(key)) continue
    parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
  }
  return challenges
}
