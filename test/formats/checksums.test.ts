import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { type Checksum, parseChecksums } from '../../src/formats/checksums.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const parse = (text: string): readonly Checksum[] => parseChecksums(Buffer.from(text))

test.each([
  ['GNU text mode', `${A}  app.tgz\n`, 'app.tgz', `sha256:${A}`],
  ['GNU binary mode', `${A} *app.tgz\n`, 'app.tgz', `sha256:${A}`],
  ['BSD', `SHA256 (app.tgz) = ${A}\n`, 'app.tgz', `sha256:${A}`],
  ['openssl', `SHA2-256(app.tgz)= ${A}\n`, 'app.tgz', `sha256:${A}`],
  ['CRLF', `${A}  app.tgz\r\n`, 'app.tgz', `sha256:${A}`],
  ['no final newline', `${A}  app.tgz`, 'app.tgz', `sha256:${A}`],
  ['a byte order mark', `\uFEFF${A}  app.tgz\n`, 'app.tgz', `sha256:${A}`],
  ['capital hex', `${A.toUpperCase()}  app.tgz\n`, 'app.tgz', `sha256:${A}`],
  ['a name with blanks', `${A}   my app (1).tgz\n`, ' my app (1).tgz', `sha256:${A}`],
  ['an escaped name', `\\${A}  a\\nb\\\\c\n`, 'a\nb\\c', `sha256:${A}`],
  ['an escaped BSD name', `\\SHA256 (a\\nb) = ${A}\n`, 'a\nb', `sha256:${A}`],
  ['SHA-384 by length', `${'c'.repeat(96)}  x\n`, 'x', `sha384:${'c'.repeat(96)}`],
  ['SHA-512 by length', `SHA512 (x) = ${'d'.repeat(128)}\n`, 'x', `sha512:${'d'.repeat(128)}`],
])('parseChecksums reads %s', (_form, text, name, digest) => {
  expect(parse(text)).toStrictEqual([{ name, digest }])
})

test('parseChecksums keeps the order of the file and gives a repeated line once', () => {
  const text = `# release 1\n\n${B}  b\n${A}  a\n${B} *b\n`
  expect(parse(text)).toStrictEqual([
    { name: 'b', digest: `sha256:${B}` },
    { name: 'a', digest: `sha256:${A}` },
  ])
})

test('one name may have a digest of each hash', () => {
  expect(parse(`${A}  a\n${'c'.repeat(128)}  a\n`)).toHaveLength(2)
})

test.each([
  ['two digests for one name', `${A}  a\n${B}  a\n`, 'line 2'],
  ['MD5', `${'a'.repeat(32)}  a\n`, 'a hash of 32 digits'],
  ['a BSD hash of the wrong length', `SHA512 (a) = ${A}\n`, 'a hash of 64 digits'],
  ['a line without a name', `${A}\n`, 'a hash without a name'],
  ['a list that ends its lines with NUL', `${A}  a\0${B}  b\0`, 'separated by NUL'],
  ['a control character', `${A}  a\u001b[2K\n`, 'line 1: control character \\u{1b}'],
  ['a tab in a name', `${A}  a\tb\n`, 'control character'],
  ['prose', 'hello\n', 'not a checksum line'],
  ['an empty file', '\n', 'no checksum'],
])('parseChecksums refuses %s', (_what, text, why) => {
  expect(() => parse(text)).toThrow(why)
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_REFERENCE_INVALID' }))
})

test.each([
  ['little-endian', Buffer.from(`\uFEFF${A}  a\r\n`, 'utf16le')],
  ['big-endian', Buffer.from(`\uFEFF${A}  a\r\n`, 'utf16le').swap16()],
  ['without a byte order mark', Buffer.from(`${A}  a\r\n`, 'utf16le')],
])('a list in UTF-16, %s, is called so', (_form, bytes) => {
  expect(() => parseChecksums(bytes)).toThrow(
    expect.objectContaining({
      code: 'ERR_REFERENCE_INVALID',
      message: 'checksums are UTF-16, expected UTF-8',
      hint: expect.stringContaining('PowerShell') as string,
    }),
  )
})

test('parseChecksums refuses a file over 4 MiB before reading it', () => {
  expect(() => parseChecksums(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({ code: 'ERR_INPUT_TOO_LARGE' }),
  )
})

test('parseChecksums never throws anything but a CountersignError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        try {
          parseChecksums(bytes)
        } catch (error) {
          expect(CountersignError.is(error, 'ERR_REFERENCE_INVALID')).toBe(true)
        }
      },
    ),
  )
})
