/**
 * Texts that are hard on parsers: repetition that tempts a pattern to go back, a list to grow, a stack to
 * deepen. Each makes a text of about a length.
 *
 * @packageDocumentation
 */

/** Makes an input of about that many bytes. */
export type Shape = (length: number) => Uint8Array

/** A unit again and again between a head and a tail, as many as there is room for. */
export function repeated(unit: string, head = '', tail = ''): Shape {
  return (length) => {
    const room = Math.max(0, length - Buffer.byteLength(head) - Buffer.byteLength(tail))
    const count = Math.floor(room / Buffer.byteLength(unit))
    return Buffer.from(head + unit.repeat(count) + tail)
  }
}

/** As {@link repeated}, of units that each know their number. */
export function numbered(unit: (index: number) => string, head = '', tail = ''): Shape {
  return (length) => {
    const units: string[] = []
    let room = length - head.length - tail.length
    for (let index = 0; ; index += 1) {
      const next = unit(index)
      if ((room -= Buffer.byteLength(next)) < 0) break
      units.push(next)
    }
    return Buffer.from(head + units.join('') + tail)
  }
}

/** JSON that every reader of JSON must bear. */
export const JSON_SHAPES: Readonly<Record<string, Shape>> = {
  'empty objects': repeated('{},', '[', '0]'),
  numbers: repeated('1,', '[', '1]'),
  'texts of nothing': repeated('"",', '[', '0]'),
  'objects of one member': repeated('{"a":1},', '[', '0]'),
  members: numbered((index) => `"${index.toString(36)}_":1,`, '{', '"end":1}'),
  'members that are numbers': numbered((index) => `"${index * 7}":1,`, '{', '"end":1}'),
  'one member again and again': repeated('"a":1,', '{', '"a":1}'),
  'deep lists': repeated('['),
  'deep objects': repeated('{"a":'),
  'one text': repeated('a', '"', '"'),
  'escaped quotes': repeated('\\"', '"', '"'),
  backslashes: repeated('\\\\', '"', '"'),
  'unicode escapes': repeated('\\u0041', '"', '"'),
  'text beyond ASCII': repeated('€', '"', '"'),
  'a text without end': repeated('\\"', '"'),
  'one number': repeated('1'),
  'a long fraction': repeated('1', '[0.', ']'),
  blanks: repeated(' ', '{}'),
}

/** Lines and words that every reader of text must bear. */
export const TEXT_SHAPES: Readonly<Record<string, Shape>> = {
  letters: repeated('a'),
  digits: repeated('1'),
  blanks: repeated(' '),
  'line ends': repeated('\n'),
  dashes: repeated('a-'),
  dots: repeated('a.'),
  slashes: repeated('a/'),
  colons: repeated('a:'),
  commas: repeated('a=b,'),
  quotes: repeated('a="'),
  'escaped quotes': repeated('\\"', 'a="'),
  brackets: repeated('<>; '),
  percents: repeated('%41'),
  base64: repeated('QUFB'),
}
