/**
 * Key references: the forms of a KEY on every surface, parsed strictly into one union. Each form is described in the
 * folder of its provider.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { ProviderDescriptor } from './descriptor.ts'
import * as descriptors from './descriptors.ts'

/** Where a key is, by the form of its provider. */
export type KeyUri = ReturnType<(typeof descriptors)[keyof typeof descriptors]['parse']>

/** Every provider there is, in the order in which people read of them: the default first. */
export const PROVIDERS: readonly ProviderDescriptor<KeyUri>[] = Object.values(descriptors).toSorted(
  (a, b) => Number(b.isDefault === true) - Number(a.isDefault === true),
)

/** Those that private keys can be in. */
export const SIGNING_PROVIDERS: readonly ProviderDescriptor<KeyUri>[] = PROVIDERS.filter(
  ({ custody }) => custody !== 'public',
)

/** Scheme of a reference, in lower case; undefined: it has none. One letter is a drive, not a scheme. */
export function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
}

/** The provider that a text is a reference of; undefined: of none. */
export function findProvider(text: string): ProviderDescriptor<KeyUri> | undefined {
  const scheme = schemeOf(text)
  return PROVIDERS.find((one) =>
    scheme === undefined
      ? one.isDefault === true
      : one.scheme === scheme || one.aliases?.includes(scheme) === true,
  )
}

/** The provider of a reference. */
export function providerOf({ scheme }: KeyUri): ProviderDescriptor<KeyUri> {
  const found = PROVIDERS.find((one) => one.scheme === scheme)
  if (found === undefined) throw new TypeError(`no provider has the scheme ${scheme}:`)
  return found
}

/**
 * Parses a key reference.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — unknown scheme or malformed URI
 *
 * @example
 * ```ts
 * import { parseKeyUri } from 'countersign'
 *
 * console.log(parseKeyUri('awskms:///alias/release?region=eu-west-1').scheme) // awskms
 * ```
 */
export function parseKeyUri(text: string): KeyUri {
  const provider = findProvider(text)
  if (provider !== undefined) return provider.parse(text)
  const why = `unknown scheme "${schemeOf(text) ?? ''}"`
  throw new CountersignError('ERR_KEY_URI_INVALID', `not a key reference: "${text}": ${why}`, {
    hint: `write ${joinOr(PROVIDERS.map(({ template }) => template))}`,
  })
}

/**
 * Writes a key reference so that {@link parseKeyUri} reads it back.
 *
 * @example
 * ```ts
 * import { serializeKeyUri } from 'countersign'
 *
 * console.log(serializeKeyUri({ scheme: 'file', path: '/keys/release.pem' })) // file:/keys/release.pem
 * ```
 */
export function serializeKeyUri(uri: KeyUri): string {
  return providerOf(uri).serialize(uri)
}

/** Writes a key reference for people and logs: as {@link serializeKeyUri}, without a secret. */
export function displayKeyUri(uri: KeyUri): string {
  return serializeKeyUri(providerOf(uri).findSecret?.(uri)?.redacted ?? uri)
}

/**
 * Refuses a secret inside a key reference that others can read: in a configuration file, a database, a log, or
 * on a command line, which every user of the machine can list.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference holds a PIN or the like
 */
export function assertNoSecret(uri: KeyUri): void {
  const secret = providerOf(uri).findSecret?.(uri)
  if (secret === undefined) return
  throw new CountersignError('ERR_KEY_URI_INVALID', `a key reference holds ${secret.name}`, {
    hint: secret.hint,
    details: { uri: serializeKeyUri(secret.redacted) },
  })
}

/** Lists alternatives for people: `a, b or c`. */
export function joinOr(words: readonly string[]): string {
  const [last, ...rest] = words.toReversed()
  return rest.length === 0 ? (last ?? '') : `${rest.toReversed().join(', ')} or ${last ?? ''}`
}
