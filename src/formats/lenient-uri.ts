/**
 * A URI as the most forgiving reader might take it. Strict comparison decides what counts; this decides what
 * is refused, where another reader must not be led to something else than ours sees.
 *
 * @packageDocumentation
 */

/** A place that a reader may find in a URI. */
export interface LenientPlace {
  /** Lower case, without a dot at its end. */
  readonly host: string
  /** Lower case, with its dot segments resolved, without doubled slashes or one at its end. */
  readonly path: string
}

/** Everything that a URI may be taken for. */
export interface LenientReading {
  /** Its text, folded, and undone of its percent-encoding round by round. */
  readonly texts: readonly string[]
  readonly places: readonly LenientPlace[]
}

const MAX_CHARACTERS = 1024
/** Rounds of percent-encoding that are undone; a URI with more of them is not read. */
const MAX_ROUNDS = 4

/** Reads a URI in every way; undefined: it is too long, or encoded too often, to be read with certainty. */
export function readLeniently(uri: string): LenientReading | undefined {
  if (uri.length > MAX_CHARACTERS) return undefined
  const texts = [fold(uri)]
  for (;;) {
    const last = texts.at(-1) ?? ''
    const next = fold(decode(last))
    if (next === last) return { texts, places: texts.flatMap(findPlaces) }
    if (texts.push(next) > MAX_ROUNDS) return undefined
  }
}

/** One text for all that differ in case or in what is not seen; letters that look alike fold in a host. */
function fold(text: string): string {
  return text
    .replaceAll(/[\p{C}\p{Z}]/gu, '')
    .replaceAll('\\', '/')
    .toLowerCase()
}

function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

/** The text with its scheme, and without: `sign.example.com:443/x` has none, `git+https://…` has one. */
function findPlaces(text: string): readonly LenientPlace[] {
  const places: LenientPlace[] = []
  let rest: string | undefined = text
  for (let round = 0; rest !== undefined && round < MAX_ROUNDS; round += 1) {
    const url = URL.parse(`https://${rest.replace(/^\/+/, '')}`)
    if (url !== null) places.push(toPlace(url))
    rest = /^[a-z][a-z0-9+.-]*:(.*)$/.exec(rest)?.[1]
  }
  return places
}

function toPlace({ hostname, pathname }: URL): LenientPlace {
  return {
    host: hostname.replace(/\.+$/, ''),
    path: pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, ''),
  }
}

/** Where an address is. */
export function placeOf(address: URL): LenientPlace {
  return toPlace(address)
}
