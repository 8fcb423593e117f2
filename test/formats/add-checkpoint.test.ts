import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  parseAddCheckpoint,
  parseSignatureLines,
  readTreeSize,
  serializeAddCheckpoint,
} from '../../src/formats/add-checkpoint.ts'
import { serializeSignedNote } from '../../src/formats/signed-note.ts'
import { codeOf } from '../support/errors.ts'
import { plain } from '../support/plain.ts'

const HASH = Buffer.alloc(32, 7).toString('base64')
const parse = (text: string): string => codeOf(() => parseAddCheckpoint(Buffer.from(text)))

test('a request is read back as it was written', () => {
  const requests = fc.record({
    oldSize: fc.maxSafeNat(),
    proof: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
    note: fc.uint8Array(),
  })
  fc.assert(
    fc.property(requests, (request) => {
      const { note, ...head } = parseAddCheckpoint(serializeAddCheckpoint(request))

      expect(plain(head)).toStrictEqual(plain({ oldSize: request.oldSize, proof: request.proof }))
      expect(Buffer.from(note).equals(request.note)).toBe(true)
    }),
  )
})

test('parsing a request fails with no other error than that it is malformed', () => {
  const parts = fc.constantFrom('old ', '0', '7', '\n', '\n\n', HASH, ' ', '\r', 'é')
  fc.assert(
    fc.property(fc.array(parts), (texts) => {
      expect(['accepted', 'ERR_NOTE_INVALID']).toContain(parse(texts.join('')))
    }),
  )
})

test.each([
  ['no old size', `${HASH}\n\nnote`],
  ['a size with a leading zero', 'old 07\n\nnote'],
  ['a negative size', 'old -7\n\nnote'],
  ['a size beyond 2^53 - 1', 'old 9007199254740992\n\nnote'],
  ['a carriage return', 'old 7\r\n\nnote'],
  ['two blanks', 'old  7\n\nnote'],
  ['a hash of another length', `old 7\n${Buffer.alloc(31).toString('base64')}\n\nnote`],
  ['64 hashes', `old 7\n${`${HASH}\n`.repeat(64)}\nnote`],
  ['no empty line', `old 7\n${HASH}\n`],
])('a request with %s is refused', (_what, text) => {
  expect(parse(text)).toBe('ERR_NOTE_INVALID')
})

test('a request that is too long is not read', () => {
  expect(parse('a'.repeat(70 * 1024))).toBe('ERR_INPUT_TOO_LARGE')
})

test('a size is read in its one form only', () => {
  expect(readTreeSize('0')).toBe(0)
  expect(readTreeSize('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  for (const text of ['', '00', '1e3', ' 1', '1\n', '9007199254740992']) {
    expect(readTreeSize(text)).toBeUndefined()
  }
})

test('an answer is signature lines and nothing else', () => {
  const line = { name: 'w.example', id: Buffer.alloc(4, 1), signature: Buffer.alloc(72, 2) }
  const lines = serializeSignedNote({ text: '', signatures: [line] }).slice(1)

  expect(plain(parseSignatureLines(Buffer.from(lines)))).toStrictEqual(plain([line]))
  for (const text of ['', '\n', 'a', `${lines}\n${lines}`, `text\n\n${lines}`, lines.trimEnd()]) {
    expect(codeOf(() => parseSignatureLines(Buffer.from(text)))).toBe('ERR_NOTE_INVALID')
  }
})
