/** What a KEY of a command stands for: a name of the configuration, or a key reference. */
import { isKeyName } from '../../src/config/forms.ts'
import { findNamedKey, type NamedKey } from '../../src/config/named-key.ts'
import { suggestName } from '../../src/basics/suggest.ts'
import { readSecret } from '../../src/config/secret.ts'
import { CountersignError } from '../../src/errors.ts'
import {
  assertNoSecret,
  type KeyUri,
  parseKeyUri,
  serializeKeyUri,
} from '../../src/providers/key-uri.ts'
import { fileReference } from '../../src/providers/file/uri.ts'
import type { OpenKeyOptions } from '../../src/providers/provider.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'
import type { CommandEnvironment } from '../command.ts'

/** One key that was asked for. */
export interface ChosenKey {
  readonly uri: KeyUri
  /** Where it was asked for by name. */
  readonly named: NamedKey | undefined
}

/** Looks up names in the configuration of one command; it is read when the first name is used. */
export class KeyNames {
  readonly #environment: CommandEnvironment
  readonly #flags: ConfigFlags
  /** References to passphrases by the reference of their key; filled by find. */
  readonly #passphrases = new Map<string, string>()

  constructor(environment: CommandEnvironment, flags: ConfigFlags) {
    this.#environment = environment
    this.#flags = flags
  }

  /**
   * Resolves a text to a key. A name that is not defined is a path, like any other text.
   *
   * @throws {@link CountersignError} ERR_KEY_URI_INVALID — also of one with a PIN in it; and for what looks like a name, those of
   * readCommandConfig and findNamedKey
   */
  async find(text: string): Promise<ChosenKey> {
    if (!isKeyName(text)) return { uri: parseKeyArgument(text), named: undefined }
    const named = findNamedKey(await this.#readConfig(), text)
    if (named === undefined) return { uri: parseKeyArgument(text), named }
    const { uri, passphrase } = named
    if (passphrase !== undefined) this.#passphrases.set(serializeKeyUri(uri), passphrase)
    return { uri, named }
  }

  /** The passphrase that the configuration points to for a key file that was found by its name. */
  async readPassphrase(path: string): Promise<string | undefined> {
    const reference = this.#passphrases.get(fileReference(path))
    return reference === undefined
      ? undefined
      : readSecret(reference, this.#environment.context.env)
  }

  /** Makes the error of a key that is not there say that a misspelt name may be why. */
  async explainMissing(text: string, error: unknown): Promise<unknown> {
    if (!isKeyName(text) || !CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return error
    const names = Object.keys((await this.#readConfig()).keys)
    if (names.includes(text)) return error
    const nearest = suggestName(text, names)
    return new CountersignError(
      'ERR_KEY_NOT_FOUND',
      `"${text}" is no key of the configuration and no file`,
      {
        hint: nearest === undefined ? error.hint : `did you mean "${nearest}"?`,
        reason: nearest === undefined ? error.reason : undefined,
        details: error.details,
        cause: error,
      },
    )
  }

  #readConfig(): ReturnType<typeof readCommandConfig> {
    return readCommandConfig(this.#environment, this.#flags)
  }
}

/**
 * Adds what is pinned to a named key to the options it is opened with.
 *
 * @throws {@link CountersignError} ERR_USAGE — another algorithm is asked for
 */
export function pinnedOptions({ named }: ChosenKey, options: OpenKeyOptions): OpenKeyOptions {
  if (named === undefined) return options
  const { name, algorithm } = named
  if ((options.algorithm ?? algorithm) === algorithm) return { ...options, algorithm }
  throw new CountersignError('ERR_USAGE', `the key "${name}" is for ${algorithm}`, {
    hint: 'the algorithm of a key never changes: leave --algorithm out, or choose another key',
  })
}

/**
 * Parses a key reference of a command line, which is as public as a file.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — also of one with a PIN in it
 */
export function parseKeyArgument(text: string): KeyUri {
  const uri = parseKeyUri(text)
  assertNoSecret(uri)
  return uri
}
