/**
 * Where a key was given: named in what is wrong with it, and put into the command that converts it.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { findForeignPrivateKey, findForeignPublicKey, forFile } from './foreign-keys.ts'
import { parsePublicKeyText } from './public-key-text.ts'

/** Where a key was given. */
export interface KeySource {
  /** As messages call it. */
  readonly name: string
  /** Path of the file that the key is in, or will be in once `save` has run. */
  readonly file: string
  /** Shell command that saves the key to the file; undefined where it is there. */
  readonly save?: string
}

/** A key file. */
export function fileSource(path: string): KeySource {
  return { name: `"${path}"`, file: path }
}

/**
 * Reads a public key, PEM or one JWK; a byte order mark is passed over. The content may be attacker-controlled.
 *
 * @throws {@link CountersignError} as {@link namingSource}
 */
export function readPublicKey(
  source: KeySource,
  content: Uint8Array,
  algorithm?: string,
): Promise<PublicKeyInfo> {
  const text = Buffer.from(content)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
  return namingSource(source, content, findForeignPublicKey, () =>
    Promise.resolve().then(() => parsePublicKeyText(text, algorithm)),
  )
}

/**
 * Names the source in what is wrong with its key, and says how to convert a form that is not read.
 *
 * @param find - looks for the forms that are likely here
 * @throws {@link CountersignError} what `work` throws; ERR_KEY_INVALID, ERR_JSON_INVALID with the source
 */
export async function namingSource<T>(
  source: KeySource,
  content: Uint8Array,
  find: typeof findForeignPublicKey,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const isForm = CountersignError.is(thrown, 'ERR_KEY_INVALID')
    if (!isForm && !CountersignError.is(thrown, 'ERR_JSON_INVALID')) throw thrown
    const foreign = find(content) ?? findForeignPrivateKey(content)
    const { code, message, details } = thrown
    const why = foreign === undefined ? message : `it is ${foreign.form}, expected PEM`
    const named = foreign === undefined && message.includes(source.name)
    throw new CountersignError(code, named ? why : `cannot read the key ${source.name}: ${why}`, {
      hint: toHint(foreign?.hint ?? thrown.hint, source),
      details,
      cause: thrown,
    })
  }
}

/** Hints have their command last, behind a colon. */
function toHint(hint: string | undefined, { file, save }: KeySource): string | undefined {
  if (hint?.includes('FILE') !== true) return hint
  const ready = save === undefined ? hint : hint.replace(/: (?=[^:]*FILE)/, () => `: ${save} && `)
  return forFile(ready, file)
}
