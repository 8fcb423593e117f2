import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  MAX_TLOG_PROOF_BYTES,
  parseTlogProof,
  serializeTlogProof,
  type TlogProof,
} from '../../src/formats/tlog-proof.ts'
import { codeOf } from '../support/errors.ts'

const HASH = Buffer.alloc(32, 7).toString('base64')
const NOTE = `log.example\n9\n${HASH}\n\n— log.example AAAAAAE=\n— witness.example AAAAAAI=\n`
const WRITTEN = `c2sp.org/tlog-proof@v1\nindex 5\n${HASH}\n${HASH}\n\n${NOTE}`

const parse = (text: string | Uint8Array): TlogProof => parseTlogProof(Buffer.from(text))
const codeOfText = (text: string | Uint8Array): string => codeOf(() => parse(text))

test('a proof has the lines of its specification, and keeps every signature line of its checkpoint', () => {
  const hash = Buffer.alloc(32, 7)
  const proof = { extra: undefined, index: 5, hashes: [hash, hash], checkpoint: NOTE }

  expect(serializeTlogProof(proof)).toBe(WRITTEN)
  expect(parse(WRITTEN)).toStrictEqual({
    ...proof,
    hashes: proof.hashes.map((one) => Buffer.from(one)),
  })
})

test('extra data is read, and may be empty; the tree of one leaf needs no hash', () => {
  const [first] = WRITTEN.split('\n')

  expect(parse(`${first ?? ''}\nextra aGk=\nindex 0\n\n${NOTE}`)).toMatchObject({
    extra: Buffer.from('hi'),
    index: 0,
    hashes: [],
  })
  expect(parse(`${first ?? ''}\nextra \nindex 0\n\n${NOTE}`).extra).toHaveLength(0)
})

test('a proof is read back as it was written', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const proofs = fc.record({
    extra: fc.option(fc.uint8Array(), { nil: undefined }),
    index: fc.maxSafeNat(),
    hashes: fc.array(hash, { maxLength: 64 }),
    checkpoint: fc.constant(NOTE),
  })
  fc.assert(
    fc.property(proofs, (proof) => {
      const written = serializeTlogProof(proof)

      expect(serializeTlogProof(parse(written))).toBe(written)
    }),
  )
})

test.each([
  ['nothing', ''],
  ['another version', WRITTEN.replace('@v1', '@v2')],
  ['no index', WRITTEN.replace('index 5\n', '')],
  ['an index with a leading zero', WRITTEN.replace('index 5', 'index 05')],
  ['an index with a sign', WRITTEN.replace('index 5', 'index -5')],
  ['an index beyond 2^53 - 1', WRITTEN.replace('index 5', 'index 9007199254740992')],
  ['extra data behind the index', WRITTEN.replace('index 5\n', 'index 5\nextra aGk=\n')],
  ['extra data twice', WRITTEN.replace('index 5', 'extra aGk=\nextra aGk=\nindex 5')],
  ['extra data that is not base64', WRITTEN.replace('index 5', 'extra a\nindex 5')],
  ['a line more among the hashes', WRITTEN.replace(HASH, `${HASH}\nhash`)],
  ['a hash of 31 bytes', WRITTEN.replace(HASH, Buffer.alloc(31).toString('base64'))],
  ['65 hashes', WRITTEN.replace(HASH, `${HASH}\n`.repeat(64).trimEnd())],
  ['ten thousand hashes', WRITTEN.replace(HASH, `${HASH}\n`.repeat(2000).trimEnd())],
  ['Windows line ends', WRITTEN.replaceAll('\n', '\r\n')],
  ['a blank at the end of a line', WRITTEN.replace('index 5', 'index 5 ')],
  ['a mark of the byte order', `\ufeff${WRITTEN}`],
  ['no checkpoint', WRITTEN.slice(0, WRITTEN.indexOf('\n\n') + 1)],
])('a text with %s is not a proof', (_what, text) => {
  expect(codeOfText(text)).toBe('ERR_LOG_PROOF_INVALID')
})

test('a checkpoint without signature lines, or cut off, is not a note', () => {
  const head = WRITTEN.slice(0, WRITTEN.indexOf(NOTE))

  expect(codeOfText(head)).toBe('ERR_NOTE_INVALID')
  expect(codeOfText(`${head}log.example\n9\n${HASH}\n`)).toBe('ERR_NOTE_INVALID')
  expect(codeOfText(WRITTEN.slice(0, -1))).toBe('ERR_NOTE_INVALID')
})

test('bytes that are not UTF-8 are not a proof, wherever they stand', () => {
  const bytes = Buffer.from(WRITTEN)
  for (const at of [3, WRITTEN.indexOf('log.example'), WRITTEN.indexOf('witness')]) {
    const changed = Buffer.from(bytes)
    changed[at] = 0xff

    expect(['ERR_LOG_PROOF_INVALID', 'ERR_NOTE_INVALID']).toContain(codeOfText(changed))
  }
})

test('a proof over the limit is not read', () => {
  const long = `${WRITTEN}${'a'.repeat(MAX_TLOG_PROOF_BYTES)}`

  expect(codeOfText(long)).toBe('ERR_INPUT_TOO_LARGE')
})
