/** Reads the bytes of a body: counted while they arrive, within a size, a time and the memory of an account. */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { CountersignError } from '../../errors.ts'
import { tooManyValues } from '../../formats/json.ts'
import { JsonMeter } from '../../formats/json-meter.ts'
import { tooSlow } from './client-errors.ts'

/** Bounds of one body. */
export interface BodyLimits {
  readonly maxBytes: number
  readonly maxValues: number
  readonly timeoutMs: number
}

/** A body that arrived whole. */
export interface ReceivedBody {
  readonly bytes: Uint8Array
  /** Hex. */
  readonly sha256: string
}

/** The text twice, as bytes and decoded, and an object for each value. */
const BYTES_OF_MEMORY = 2
const BYTES_OF_VALUE = 64

/** The most memory that a body within its limits is taken to need. */
export function memoryOf({ maxBytes, maxValues }: Omit<BodyLimits, 'timeoutMs'>): number {
  return BYTES_OF_MEMORY * maxBytes + BYTES_OF_VALUE * maxValues
}

/**
 * Reads a body.
 *
 * @param take - takes so much memory more, or throws
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — more bytes or values than the limits; ERR_TIMEOUT — it
 * did not come in time; ERR_CANCELLED — its sender left; and what `take` throws
 */
export function readBody(
  stream: Readable,
  limits: BodyLimits,
  take: (bytes: number) => void,
): Promise<ReceivedBody> {
  const { promise, resolve, reject } = Promise.withResolvers<ReceivedBody>()
  const received = new BodyCollector(limits, take)
  const timer = setTimeout(() => {
    fail(tooSlow())
  }, limits.timeoutMs)
  stream.on('data', collect).on('end', finish).on('close', leave).on('error', leave)
  return promise

  function collect(chunk: Uint8Array): void {
    try {
      received.add(chunk)
    } catch (error) {
      fail(error)
    }
  }

  function finish(): void {
    stop()
    resolve(received.finish())
  }

  function leave(): void {
    fail(new CountersignError('ERR_CANCELLED', 'the body ended before its end'))
  }

  function fail(reason: unknown): void {
    stop()
    // What still comes is dropped, until the answer ends the connection.
    stream.resume()
    reject(reason instanceof Error ? reason : new Error(String(reason)))
  }

  function stop(): void {
    clearTimeout(timer)
    stream.off('data', collect).off('end', finish).off('close', leave).off('error', leave)
    stream.on('error', () => undefined)
  }
}

class BodyCollector {
  readonly #limits: BodyLimits
  readonly #take: (bytes: number) => void
  readonly #chunks: Uint8Array[] = []
  readonly #hash = createHash('sha256')
  readonly #meter = new JsonMeter()
  #length = 0

  constructor(limits: BodyLimits, take: (bytes: number) => void) {
    this.#limits = limits
    this.#take = take
  }

  add(chunk: Uint8Array): void {
    const { maxBytes, maxValues } = this.#limits
    const before = this.#meter.values
    this.#length += chunk.length
    if (this.#length > maxBytes) throw bodyTooLarge(maxBytes)
    this.#meter.add(chunk)
    const { values } = this.#meter
    if (values > maxValues) throw tooManyValues(maxValues)
    this.#take(memoryOf({ maxBytes: chunk.length, maxValues: values - before }))
    this.#hash.update(chunk)
    this.#chunks.push(chunk)
  }

  finish(): ReceivedBody {
    return { bytes: Buffer.concat(this.#chunks), sha256: this.#hash.digest('hex') }
  }
}

/** Makes the error of a body with more bytes than are taken. */
export function bodyTooLarge(maxBytes: number): CountersignError {
  return new CountersignError('ERR_INPUT_TOO_LARGE', 'the body is larger than the service takes', {
    details: { maxBytes },
  })
}
