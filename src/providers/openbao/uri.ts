/**
 * Key references of OpenBao and HashiCorp Vault. The syntax is cosign's, plus a query:
 *
 * `openbao://KEY[?version=N&mount=transit&namespace=NAMESPACE]`, or the same with
 * `hashivault:`. Without a version, the latest one is meant. A reference names no server: its token would go there.
 *
 * @packageDocumentation
 */
import { parseAccountQuery } from '../../client/aws-account.ts'
import type { CountersignError } from '../../errors.ts'
import { invalidUri } from '../descriptor.ts'

/** Where a transit engine is; what is absent comes from the environment. */
export interface TransitPlace {
  readonly namespace?: string
  /** Path that the engine is mounted at. */
  readonly mount?: string
}

/** One key of a transit engine, and one version of it, if any. */
export interface OpenBaoUri extends TransitPlace {
  readonly scheme: 'openbao'
  readonly key: string
  readonly version?: number
}

/** How a reference is written, in hints. */
export const TEMPLATE = 'openbao://KEY'

const MAX_CHARACTERS = 4096
const SYNTAX = /^(?:openbao|hashivault):\/\/([^/?#]*)(?:\?([^#]*))?$/i
const KEY = /^\w(?:[\w.-]{0,253}\w)?$/
const PATH = /^\w[\w.-]*(?:\/\w[\w.-]*)*$/

/** What a reference may state behind its `?`. */
const PLACE_PARAMETERS = {
  mount: PATH,
  namespace: PATH,
} as const
const KEY_PARAMETERS = { version: /^[1-9][0-9]{0,8}$/, ...PLACE_PARAMETERS } as const

/**
 * Parses an `openbao:` or `hashivault:` reference to a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, a parameter that is unknown, repeated or
 * empty
 */
export function parseOpenBaoUri(text: string): OpenBaoUri {
  const { key, query } = split(text)
  if (!KEY.test(key)) throw invalid(text, 'expected the name of a key after //')
  const { version, ...place } = parseAccountQuery(query, KEY_PARAMETERS, (why) =>
    invalid(text, why),
  )
  return {
    scheme: 'openbao',
    key,
    ...(version !== undefined && { version: Number(version) }),
    ...place,
  }
}

/**
 * Parses `openbao://[?mount=…&namespace=…]`: a reference to a transit engine, where keys are yet to be
 * made.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, or it names a key
 */
export function parseTransitPlace(text: string): TransitPlace {
  const { key, query } = split(text)
  if (key !== '') throw invalid(text, 'expected no key, only a mount or a namespace')
  return parseAccountQuery(query, PLACE_PARAMETERS, (why) => invalid(text, why))
}

/** Writes a reference so that {@link parseOpenBaoUri} reads it back. */
export function serializeOpenBaoUri({ key, ...uri }: OpenBaoUri): string {
  const names = ['version', 'mount', 'namespace'] as const
  const parameters = names.flatMap((name) =>
    uri[name] === undefined ? [] : [`${name}=${uri[name]}`],
  )
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `openbao://${key}${query}`
}

/** Whether a text is the path of a namespace or of a mount. */
export function isMountPath(text: string): boolean {
  return PATH.test(text)
}

function split(text: string): { readonly key: string; readonly query: string | undefined } {
  const parts = text.length > MAX_CHARACTERS ? null : SYNTAX.exec(text)
  const [, key, query] = parts ?? []
  if (key === undefined) throw invalid(text, `expected ${TEMPLATE}`)
  return { key, query }
}

function invalid(text: string, why: string): CountersignError {
  return invalidUri(
    text.slice(0, 160),
    why,
    `${TEMPLATE}, optionally with ?version=…&mount=…&namespace=…`,
  )
}
