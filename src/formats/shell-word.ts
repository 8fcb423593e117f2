/** Commands that people paste into a shell. */

/** Nothing in it means anything to a shell, also at the start of a word. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/
/** Fit for single quotes, and for the eye: letters, marks, digits, signs and the plain space. */
const QUOTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u

/**
 * Writes one word of a command so that bash, zsh and ksh read it back as it is, and so that pasting it
 * types nothing else: control characters would act on the terminal before any quote is read. Single quotes
 * are for what every shell reads alike in them; fish takes `\'` for a quote there, and csh expands `!`.
 */
export function quoteForShell(word: string): string {
  if (PLAIN.test(word)) return word
  if (QUOTABLE.test(word) && !/['\\!]/.test(word)) return `'${word}'`
  const bytes = [...Buffer.from(word)].map((byte) => {
    const character = String.fromCharCode(byte)
    return /[\w@%+=:,./ -]/.test(character) ? character : `\\${byte.toString(8).padStart(3, '0')}`
  })
  return `$'${bytes.join('')}'`
}

/** Writes a path as one word; one that begins with a hyphen would be read as an option. */
export function quotePathForShell(path: string): string {
  return quoteForShell(path.startsWith('-') ? `./${path}` : path)
}
