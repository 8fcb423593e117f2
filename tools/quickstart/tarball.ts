/**
 * A gzipped tar archive (POSIX ustar, IEEE 1003.1 pax "ustar Interchange Format") of a few small files:
 * enough to make a real release file and a real image layer with nothing but Node.
 *
 * @packageDocumentation
 */
import { gzipSync } from 'node:zlib'

const BLOCK = 512

/** Packs files, by name and content, into a .tar.gz. */
export function createTarball(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const entries = Object.entries(files).flatMap(([name, content]) => [
    header(name, content.length),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ])
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]))
}

function header(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
  block.write(name, 0, 100)
  block.write(octal(0o644, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(size, 11), 124)
  block.write(octal(0, 11), 136)
  block.write('0', 156)
  block.write('ustar\u000000', 257)
  // The sum is taken with its own field blank.
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\u0000 `, 148)
  return block
}
