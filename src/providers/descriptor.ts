/**
 * What is known of a provider before its code is loaded: how its references are written and read, where it makes
 * keys, and what the configuration, help and completion state of it. Light: every command may load all of them.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

/** Which version a key pair is made for. */
export interface VersionName {
  readonly key: string
  readonly version: number
  /** Random, 16 bytes in hex; the same whenever the making of one pair is repeated. */
  readonly mark: string
}

/** A folder, token or account: where the versions of a key are made. */
export interface KeyLocation<Uri> {
  /** Names the key pair of a version here, so that no two versions share a name. */
  versionUri(name: VersionName): Uri
  /**
   * Completes a reference to a key that is here; undefined: it is elsewhere. The reference may come from a remote
   * administrator: it may leave out what the location states, and must add nothing but the name of a key.
   */
  complete(uri: Uri): Uri | undefined
}

/** A secret inside a reference. */
export interface UriSecret<Uri> {
  /** For people: `a PIN`. */
  readonly name: string
  /** Where it belongs instead. */
  readonly hint: string
  /** The reference without it, for people and logs. */
  readonly redacted: Uri
}

/** One provider, as everything outside of its folder knows it. */
export interface ProviderDescriptor<Uri extends { readonly scheme: string }> {
  /** Its references begin with `scheme:`. */
  readonly scheme: Uri['scheme']
  /** Other schemes that mean the same. */
  readonly aliases?: readonly string[]
  /** Whether a reference without a scheme is one of its own. */
  readonly isDefault?: boolean
  /** Where its keys are, for people: `a file`. */
  readonly title: string
  /** How a reference is written, in hints: `file:PATH`. */
  readonly template: string
  /** References as help and the schema of the configuration show them. */
  readonly examples: readonly [string, ...string[]]
  /** Whether reading a public key takes the network. */
  readonly isRemote: boolean
  /** Who keeps the private keys: a file (which can be copied), a backend that never gives them out, or no one. */
  readonly custody: 'file' | 'backend' | 'public'
  /**
   * Parses a reference to one key; the text has the scheme, or none where {@link isDefault}.
   *
   * @throws {@link CountersignError} ERR_KEY_URI_INVALID
   */
  parse(text: string): Uri
  /** Writes a reference so that {@link parse} reads it back. */
  serialize(uri: Uri): string
  /**
   * Adds regions to a reference to a key or a location: the key pair is in each of them. Absent: such keys have none.
   *
   * @throws {@link CountersignError} ERR_KEY_URI_INVALID
   */
  inRegions?(text: string, regions: readonly string[]): string
  /**
   * Parses a reference to a location; undefined: it means one key. Absent: no private keys are here.
   *
   * @throws {@link CountersignError} ERR_KEY_URI_INVALID
   */
  place?(text: string): KeyLocation<Uri> | undefined
  /** The secret inside a reference, where there is one. */
  findSecret?(uri: Uri): UriSecret<Uri> | undefined
  /** Makes a path in a reference, relative to the folder of a configuration file, relative to the working folder. */
  rebase?(text: string, folder: string): string
  /** The file that has the public half of a new key, beside the key; absent: the key itself answers with it. */
  publicHalf?(uri: Uri): { readonly uri: Uri; readonly path: string }
}

/** Makes the error of a malformed reference. */
export function invalidUri(text: string, why: string, template: string): CountersignError {
  return new CountersignError('ERR_KEY_URI_INVALID', `not a key reference: "${text}": ${why}`, {
    hint: `write ${template}`,
  })
}
