/**
 * Proofs that a leaf is in a log (C2SP tlog-proof), as a text of their own: an index, the hashes up to the root,
 * and the checkpoint that states the root, with all signatures it had. The input is attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { HASH_BYTES, MAX_PROOF_HASHES } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { MAX_NOTE_BYTES, parseSignedNote } from './signed-note.ts'

/** A proof as written; nothing of it is verified. */
export interface TlogProof {
  /** What an application may have put there; proved by nothing. */
  readonly extra: Uint8Array | undefined
  readonly index: number
  /** Hashes of the inclusion proof, lowest first. */
  readonly hashes: readonly Uint8Array[]
  /** The signed note, text. */
  readonly checkpoint: string
}

/** How the name of such a file ends. */
export const TLOG_PROOF_SUFFIX = '.tlog-proof'

/** Longest proof that is read. */
export const MAX_TLOG_PROOF_BYTES: number = 2 * MAX_NOTE_BYTES
const FIRST_LINE = 'c2sp.org/tlog-proof@v1'
const EXTRA = 'extra '
const INDEX = 'index '

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `malformed log proof: ${why}`, {
    hint: 'write it again',
    reason: 'log-proof-malformed',
  })
}

/**
 * Parses a proof.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — anything but the one form a proof has, an index beyond
 * 2^53 - 1, or over 64 hashes; ERR_NOTE_INVALID — its checkpoint is not a signed note; ERR_INPUT_TOO_LARGE — over
 * 128 KiB
 *
 * @example
 * ```ts
 * import { parseTlogProof } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { index, hashes } = parseTlogProof(await readFile('log/last.tlog-proof'))
 * console.log(index > 0, hashes.length > 0) // true true
 * ```
 */
export function parseTlogProof(input: Uint8Array): TlogProof {
  if (input.length > MAX_TLOG_PROOF_BYTES) {
    const message = `log proof of over ${MAX_TLOG_PROOF_BYTES} bytes`
    throw new CountersignError('ERR_INPUT_TOO_LARGE', message)
  }
  const text = Buffer.from(input).toString()
  const blank = text.indexOf('\n\n')
  if (blank === -1) throw malformed('it has no checkpoint')
  const checkpoint = text.slice(blank + 2)
  // Lines that are too many are not split.
  const [first, ...lines] = text.slice(0, blank).split('\n', MAX_PROOF_HASHES + 4)
  if (first !== FIRST_LINE) throw malformed(`its first line is not ${FIRST_LINE}`)
  const extra = lines[0]?.startsWith(EXTRA) === true ? lines.shift() : undefined
  const proof = {
    extra:
      extra === undefined ? undefined : readBase64(extra.slice(EXTRA.length), 'its extra data'),
    index: readIndex(lines.shift() ?? ''),
    hashes: lines.map(readHash),
    checkpoint,
  }
  if (proof.hashes.length > MAX_PROOF_HASHES) throw malformed('it has too many hashes')
  parseSignedNote(Buffer.from(checkpoint))
  const written = Buffer.from(serializeTlogProof(proof))
  if (!written.equals(input)) throw malformed('it is not in its one form')
  return proof
}

/**
 * Writes a proof.
 *
 * @example
 * ```ts
 * import { parseTlogProof, serializeTlogProof } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const text = await readFile('log/last.tlog-proof')
 * console.log(serializeTlogProof(parseTlogProof(text)) === text.toString()) // true
 * ```
 */
export function serializeTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`${EXTRA}${encodeBase64(extra)}`]),
    `${INDEX}${index}`,
    ...hashes.map((hash) => encodeBase64(hash)),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

function readIndex(line: string): number {
  const decimal = /^index (0|[1-9]\d*)$/.exec(line)?.[1]
  const index = Number(decimal)
  if (decimal !== undefined && Number.isSafeInteger(index)) return index
  throw malformed('its index is not a decimal number')
}

function readHash(line: string): Uint8Array {
  const hash = readBase64(line, 'a hash of it')
  if (hash.length === HASH_BYTES) return hash
  throw malformed('a hash of it is not 32 bytes')
}

function readBase64(text: string, what: string): Uint8Array {
  const bytes = decodeBase64(text)
  if (bytes !== undefined) return bytes
  throw malformed(`${what} is not base64`)
}
