/**
 * Checksum files as coreutils, shasum and BSD write them: `hash  name`, `hash *name`,
 * `SHA256 (name) = hash`. A GNU line that starts with a backslash has its name escaped.
 *
 * @packageDocumentation
 */
import {
  DIGEST_BYTES,
  type Digest,
  digestHash,
  digestStream,
  type HashName,
  isHashName,
} from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { printable } from './printable.ts'

/** One line of a checksum file. */
export interface Checksum {
  /** The file's name as written; a label, never opened. */
  readonly name: string
  readonly digest: Digest
}

/** Most bytes of a checksum file that are parsed, unless a caller allows more. */
export const MAX_CHECKSUM_BYTES: number = 4 * 1024 * 1024
const GNU = /^(\\?)([0-9a-f]+) [ *]?(.+)$/i
const BSD = /^(\\?)(?:SHA|SHA2-)(256|384|512) ?\((.+)\) ?= ([0-9a-f]+)$/i
const ESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r' }

/** Hash by length of its hex. */
const BY_LENGTH: ReadonlyMap<number, HashName> = new Map(
  Object.entries(DIGEST_BYTES).flatMap(([name, bytes]) =>
    isHashName(name) ? [[bytes * 2, name] as const] : [],
  ),
)

function invalid(line: number, why: string): CountersignError {
  return new CountersignError('ERR_REFERENCE_INVALID', `checksums, line ${line}: ${why}`, {
    hint: 'each line is "HASH  NAME" or "SHA256 (NAME) = HASH", with SHA-256, SHA-384 or SHA-512',
    details: { line },
  })
}

/**
 * Parses a checksum file, in its order, the same line twice once. Line ends may be CRLF; blank lines
 * and lines that start with `#` are skipped. A control character is refused: it would end a line for some
 * readers and belong to a name for others. Only the escapes of GNU put line ends into a name.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — a line of another form or hash, a name with two
 * digests of one hash, no line at all; ERR_INPUT_TOO_LARGE — over `maxBytes`
 */
export function parseChecksums(
  bytes: Uint8Array,
  maxBytes: number = MAX_CHECKSUM_BYTES,
): readonly Checksum[] {
  if (bytes.length > maxBytes) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `checksums of over ${maxBytes} bytes`, {
      details: { maxBytes, bytes: bytes.length },
    })
  }
  const found = new Map<string, Checksum>()
  for (const [line, text] of linesOf(decodeText(bytes))) {
    if (text === '' || text.startsWith('#')) continue
    assertVisible(text, line)
    const checksum = parseLine(text, line)
    const key = `${checksum.digest.slice(0, 6)} ${checksum.name}`
    const earlier = found.get(key)
    if (earlier !== undefined && earlier.digest !== checksum.digest) {
      throw invalid(line, `"${checksum.name}" has two different digests`)
    }
    found.set(key, checksum)
  }
  if (found.size === 0) throw invalid(1, 'no checksum in the file')
  return [...found.values()]
}

/** Lines with their numbers, one at a time: millions of empty ones make no list. */
function* linesOf(text: string): Iterable<readonly [number: number, line: string]> {
  for (let at = 0, number = 1; at <= text.length; number += 1) {
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end === -1 ? text.length : end)
    yield [number, line.endsWith('\r') && end !== -1 ? line.slice(0, -1) : line]
    at = end === -1 ? text.length + 1 : end + 1
  }
}

function decodeText(bytes: Uint8Array): string {
  if (isUtf16(bytes)) {
    throw new CountersignError('ERR_REFERENCE_INVALID', 'checksums are UTF-16, expected UTF-8', {
      hint: 'PowerShell writes UTF-16 unless it is given -Encoding utf8; write the file again with it',
    })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new CountersignError('ERR_REFERENCE_INVALID', 'checksums are not UTF-8', { cause })
  }
}

/** By its byte order mark, or by the zero beside the first character. */
function isUtf16([first, second]: Uint8Array): boolean {
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return isMarked || (first === 0) !== (second === 0)
}

function assertVisible(text: string, line: number): void {
  const [control] = /\p{Cc}/u.exec(text) ?? []
  if (control === undefined) return
  if (control !== '\0') throw invalid(line, `control character ${printable(control)}`)
  throw new CountersignError('ERR_REFERENCE_INVALID', 'checksums are separated by NUL', {
    hint: 'make the list with one line for each file',
    details: { line },
  })
}

function parseLine(text: string, line: number): Checksum {
  const { name, hex, escaped, bits } = splitLine(text, line)
  const hash = BY_LENGTH.get(hex.length)
  if (hash === undefined || (bits !== undefined && hash !== `sha${bits}`)) {
    throw invalid(line, `a hash of ${hex.length} digits`)
  }
  return {
    name: escaped ? name.replace(/\\[\\nr]/g, (pair) => ESCAPES[pair] ?? pair) : name,
    digest: `${hash}:${hex.toLowerCase()}`,
  }
}

interface Line {
  readonly name: string
  readonly hex: string
  readonly escaped: boolean
  readonly bits: string | undefined
}

function splitLine(text: string, line: number): Line {
  const [, bsdEscape, bits, bsdName, bsdHex] = BSD.exec(text) ?? []
  if (bsdName !== undefined && bsdHex !== undefined) {
    return { name: bsdName, hex: bsdHex, escaped: bsdEscape !== '', bits }
  }
  const [, escape, hex, name] = GNU.exec(text) ?? []
  if (hex === undefined || name === undefined) {
    const isHash = /^[0-9a-f]{64,128} *$/i.test(text)
    throw invalid(line, isHash ? 'a hash without a name' : 'not a checksum line')
  }
  return { name, hex, escaped: escape !== '', bits: undefined }
}

/**
 * Compares the content of a file with its digests in a list.
 *
 * @throws {@link CountersignError} ERR_DIGEST_MISMATCH — the content is another; and the errors of reading it
 */
export async function assertListedContent(
  path: string,
  listed: readonly Digest[],
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const actual = await digestStream(content, listed.map(digestHash))
  for (const expected of listed) {
    const digest = actual[digestHash(expected)]
    if (digest !== expected) throw differs(path, expected, digest)
  }
}

function differs(path: string, expected: Digest, actual: Digest): CountersignError {
  return new CountersignError(
    'ERR_DIGEST_MISMATCH',
    `"${path}" is ${actual}, the checksum file expects ${expected}`,
    {
      hint: 'the file or the list was changed: fetch both again, or write the list again',
      details: { expected, actual },
    },
  )
}
