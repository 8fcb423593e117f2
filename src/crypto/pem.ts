/**
 * Blocks of PEM (RFC 7468), found in one pass. The text may be attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from './base64.ts'

/** One block. */
export interface PemBlock {
  readonly label: string
  /** What stands between its two lines. */
  readonly body: string
  /** The block with its two lines. */
  readonly text: string
}

const MARKER = /-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----/g

/**
 * Finds all blocks of a text, whatever stands between them; none where a block is not closed by its own
 * label before the next one begins.
 */
export function findPemBlocks(text: string): readonly PemBlock[] {
  const markers = [...text.matchAll(MARKER)]
  const blocks: PemBlock[] = []
  for (let at = 0; at < markers.length; at += 2) {
    const [begin, end] = [markers[at], markers[at + 1]]
    const label = begin?.[2] ?? ''
    if (begin?.[1] !== 'BEGIN' || end?.[1] !== 'END' || end[2] !== label) return []
    blocks.push({
      label,
      body: text.slice(begin.index + begin[0].length, end.index),
      text: text.slice(begin.index, end.index + end[0].length),
    })
  }
  return blocks
}

/** Decodes a block without headers; undefined where it is not canonical base64. */
export function decodePemBlock({ body }: PemBlock): Uint8Array | undefined {
  return decodeBase64(body.replaceAll(/[\r\n\t ]/g, ''))
}
