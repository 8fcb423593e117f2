/** Keeping what strangers wrote from steering the terminal. */

/**
 * Writes text that may be hostile on one line: control and format characters (escape sequences, line
 * ends, right-to-left marks) become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
