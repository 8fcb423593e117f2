/**
 * Changes the character right behind the first place that a pattern matches, whatever it was: a replacement by
 * one fixed character changes nothing where it stands there already.
 */
export function changeBehind(text: string, pattern: RegExp): string {
  const behind = new RegExp(`(${pattern.source})([A-Za-z0-9_/+-])`)
  const changed = text.replace(behind, (_, before: string, character: string) => {
    return `${before}${character === 'A' ? 'B' : 'A'}`
  })
  if (changed === text) throw new TypeError(`nothing in the text is behind ${pattern.source}`)
  return changed
}
