/**
 * A client of a witness (C2SP tlog-witness): has checkpoints cosigned. What it answers is attacker-controlled, and
 * only a cosignature of the configured key over that checkpoint counts.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import {
  type AddCheckpoint,
  parseSignatureLines,
  readTreeSize,
  serializeAddCheckpoint,
} from '../formats/add-checkpoint.ts'
import type { NoteKey } from '../formats/note-key.ts'
import { type NoteSignature, parseSignedNote } from '../formats/signed-note.ts'
import { exchange, type ExchangeRuntime } from './exchange.ts'
import { assertPrivate, atService } from './service-address.ts'

/** Which witness, and how it is reached. */
export interface WitnessClientOptions {
  readonly key: NoteKey
  /** Its submission prefix: https, or this machine. */
  readonly url: URL
  readonly runtime: ExchangeRuntime
  /** For one request; default 10 s. */
  readonly timeoutMs?: number | undefined
}

/** What a witness said: its cosignature, or the size of the tree that it cosigned last. */
export type WitnessReply =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature }
  | { readonly kind: 'conflict'; readonly size: number }

/** Asks one witness. */
export interface WitnessClient {
  readonly key: NoteKey
  /**
   * @throws {@link CountersignError} ERR_WITNESS_MISSING — it refuses, or its answer cannot be used;
   * ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED
   */
  addCheckpoint(request: AddCheckpoint, signal?: AbortSignal): Promise<WitnessReply>
}

const TIMEOUT_MS = 10_000
/** Lines of several keys, with room for large signatures. */
const MAX_ANSWER_BYTES = 32 * 1024

/**
 * Creates a client of one witness.
 *
 * @throws {@link CountersignError} ERR_USAGE — its address is neither https nor this machine
 */
export function createWitnessClient(options: WitnessClientOptions): WitnessClient {
  const { key, runtime, timeoutMs = TIMEOUT_MS, url } = options
  assertPrivate(url)
  return {
    key,
    addCheckpoint: async (request, signal) => {
      const { status, headers, body } = await exchange(
        {
          url: atService(url, 'add-checkpoint'),
          method: 'POST',
          headers: { 'content-type': 'text/plain; charset=utf-8' },
          body: serializeAddCheckpoint(request),
          maxBytes: MAX_ANSWER_BYTES,
          timeoutMs,
          signal,
        },
        runtime,
      )
      if (status === 200)
        return { kind: 'cosigned', signature: findCosignature(key, request, body) }
      const isSize = headers.get('content-type')?.startsWith('text/x.tlog.size') === true
      const size = isSize ? readTreeSize(Buffer.from(body).toString('latin1').trimEnd()) : undefined
      // The size that it was told: then it is the tree that differs.
      const isStale = size !== undefined && size !== request.oldSize
      if (status === 409 && isStale) return { kind: 'conflict', size }
      throw refused(key, status)
    },
  }
}

function findCosignature(key: NoteKey, { note }: AddCheckpoint, body: Uint8Array): NoteSignature {
  const text = Buffer.from(parseSignedNote(note).text)
  const lines = readLines(key, body).filter(
    ({ name, id }) => name === key.name && Buffer.from(key.id).equals(id),
  )
  const line = lines.find(({ signature }) => key.verify(text, signature))
  if (line !== undefined) return line
  throw missing(key, 'its answer has no cosignature of its key over the checkpoint')
}

function readLines(key: NoteKey, body: Uint8Array): readonly NoteSignature[] {
  try {
    return parseSignatureLines(body)
  } catch (cause) {
    throw missing(key, 'its answer is malformed', cause)
  }
}

const REASONS: Readonly<Partial<Record<number, string>>> = {
  403: 'it does not accept the signature of the log (403)',
  404: 'it does not know the log (404)',
  409: 'it saw another tree under the name of the log (409)',
  422: 'it saw another tree under the name of the log (422)',
}

function refused(key: NoteKey, status: number): CountersignError {
  return missing(key, REASONS[status] ?? `it answers with status ${status}`)
}

function missing({ name }: NoteKey, why: string, cause?: unknown): CountersignError {
  const message = `the witness ${name} does not cosign: ${why}`
  return new CountersignError('ERR_WITNESS_MISSING', message, {
    hint: 'see docs/runbooks/witnesses.md',
    details: { witness: name },
    cause,
  })
}
