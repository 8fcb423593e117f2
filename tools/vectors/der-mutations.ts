/** DER changed systematically: every element in turn, in its tag, its length, its content and its place. */
import { encodeLength, tlv } from './der.ts'
import type { Mutation } from './made.ts'

interface Element {
  readonly start: number
  readonly header: number
  readonly length: number
  readonly path: string
  readonly parents: readonly Element[]
}

const CONSTRUCTED = 0x20

/** Lists every element, the outer before the inner. */
function elementsOf(der: Buffer, maxDepth: number): readonly Element[] {
  const found: Element[] = []
  const walk = (from: number, end: number, parents: readonly Element[]): void => {
    let at = from
    for (let index = 0; at < end; index += 1) {
      const first = der.readUInt8(at + 1)
      const more = first < 0x80 ? 0 : first - 0x80
      const length = more === 0 ? first : der.readUIntBE(at + 2, more)
      const path = [...(parents.at(-1)?.path.split('.') ?? []), index].join('.')
      const element = { start: at, header: 2 + more, length, path, parents }
      found.push(element)
      const content = at + element.header
      const isOpen = (der.readUInt8(at) & CONSTRUCTED) !== 0 && parents.length + 1 < maxDepth
      if (isOpen) walk(content, content + length, [...parents, element])
      at = content + length
    }
  }
  walk(0, der.length, [])
  return found
}

/** Replaces an element; the lengths of those around it are written again. */
function replace(der: Buffer, { start, header, length, parents }: Element, by: Uint8Array): Buffer {
  const parent = parents.at(-1)
  const end = start + header + length
  if (parent === undefined) return Buffer.concat([der.subarray(0, start), by, der.subarray(end)])
  const from = parent.start + parent.header
  const content = Buffer.concat([
    der.subarray(from, start),
    by,
    der.subarray(end, from + parent.length),
  ])
  return replace(der, parent, tlv(der.readUInt8(parent.start), content))
}

type Change = readonly [id: string, comment: string, change: (element: ElementBytes) => Uint8Array]

interface ElementBytes {
  readonly whole: Buffer
  readonly tag: number
  readonly content: Buffer
}

const CHANGES: readonly Change[] = [
  ['gone', 'left out', () => Buffer.alloc(0)],
  ['twice', 'there twice', ({ whole }) => Buffer.concat([whole, whole])],
  ['null-after', 'followed by NULL', ({ whole }) => Buffer.concat([whole, Buffer.of(5, 0)])],
  ['empty', 'without content', ({ tag }) => Buffer.of(tag, 0)],
  ['next-tag', 'with the next tag', ({ content, tag }) => tlv(tag + 1, content)],
  [
    'constructed',
    'with the other constructed bit',
    ({ content, tag }) => tlv(tag ^ CONSTRUCTED, content),
  ],
  ['context-tag', 'with a context-specific tag', ({ content, tag }) => tlv(tag ^ 0x80, content)],
  [
    'long-length',
    'with a length in one byte more than it needs',
    ({ content, tag }) => withLength(tag, longer(content.length), content),
  ],
  [
    'longer-length',
    'with a length in four bytes',
    ({ content, tag }) =>
      withLength(tag, Buffer.of(0x84, 0, 0, content.length >> 8, content.length), content),
  ],
  [
    'indefinite',
    'with an indefinite length',
    ({ content, tag }) =>
      Buffer.concat([withLength(tag, Buffer.of(0x80), content), Buffer.alloc(2)]),
  ],
  [
    'length-more',
    'with a length one too large',
    ({ content, tag }) => withLength(tag, encodeLength(content.length + 1), content),
  ],
  [
    'length-less',
    'with a length one too small',
    ({ content, tag }) => withLength(tag, encodeLength(Math.max(0, content.length - 1)), content),
  ],
  ['byte-less', 'without its last byte', ({ content, tag }) => tlv(tag, content.subarray(0, -1))],
  [
    'byte-more',
    'with a zero after its content',
    ({ content, tag }) => tlv(tag, content, Buffer.of(0)),
  ],
  [
    'zero-before',
    'with a zero before its content',
    ({ content, tag }) => tlv(tag, Buffer.of(0), content),
  ],
  [
    'ones-before',
    'with 0xff before its content',
    ({ content, tag }) => tlv(tag, Buffer.of(0xff), content),
  ],
]

function withLength(tag: number, length: Uint8Array, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), length, content])
}

function longer(length: number): Buffer {
  if (length < 0x80) return Buffer.of(0x81, length)
  return length < 0x100
    ? Buffer.of(0x82, 0, length)
    : Buffer.of(0x83, 0, length >> 8, length & 0xff)
}

/** Changes every element of a document down to a depth, and cuts the document off between elements. */
export function mutateDer(der: Uint8Array, maxDepth = 8): readonly Mutation<Buffer>[] {
  const bytes = Buffer.from(der)
  const elements = elementsOf(bytes, maxDepth)
  const seen = new Set([bytes.toString('hex')])
  const changed = elements.flatMap((element) => {
    const { start, header, length, path } = element
    const whole = bytes.subarray(start, start + header + length)
    const parts = { whole, tag: bytes.readUInt8(start), content: whole.subarray(header) }
    return CHANGES.map(([id, comment, change]) => ({
      id: `${path}-${id}`,
      comment: `element ${path} ${comment}`,
      value: replace(bytes, element, change(parts)),
    }))
  })
  const cut = elements.map(({ start, path }) => ({
    id: `${path}-cut`,
    comment: `ends before element ${path}`,
    value: bytes.subarray(0, start),
  }))
  const ends = [
    { id: 'cut-1', comment: 'without its last byte', value: bytes.subarray(0, -1) },
    {
      id: 'trailing',
      comment: 'a byte after the end',
      value: Buffer.concat([bytes, Buffer.of(0)]),
    },
  ]
  // Two ways to the same bytes are one case.
  return [...changed, ...cut, ...ends].filter(({ value }) => {
    const text = value.toString('hex')
    return !seen.has(text) && seen.add(text).size > 0
  })
}
