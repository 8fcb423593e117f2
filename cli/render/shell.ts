/** Commands that people copy into their shell. */

/** Writes one argument so that a POSIX shell reads it back as it is. */
export function quoteForShell(argument: string): string {
  if (/^[A-Za-z0-9@%+=:,./_-]+$/.test(argument)) return argument
  return `'${argument.replaceAll("'", `'\\''`)}'`
}
