/**
 * A client of time-stamp authorities elsewhere (RFC 3161 over HTTP, section 3.4).
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { exchange, type ExchangeRuntime } from '../client/exchange.ts'
import { digestOf } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { SignOptions } from '../signing/signer.ts'
import type { Stamp } from './authority.ts'
import { encodeTimestampRequest } from './request.ts'
import { readTimestampResponse } from './response.ts'

/** Which authority is asked, and how. */
export interface TimestampClientOptions {
  /** Plain http is fine: the answer is signed and contains no secret. */
  readonly url: URL
  readonly runtime: ExchangeRuntime
  /** Default 10 s. */
  readonly timeoutMs?: number
  /** Makes nonces; default node:crypto's. */
  readonly random?: (bytes: number) => Uint8Array
}

/** Asks one authority. */
export interface TimestampClient {
  /**
   * Has a signature stamped as Sigstore wants it: SHA-256 over its bytes. The answer is for this
   * signature and this request; whether a trusted authority signed it is for the verifier to say, who
   * knows its certificates.
   *
   * @throws {@link CountersignError} ERR_TIMESTAMP_INVALID — malformed, refused, or for something else;
   * ERR_THROTTLED, ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED
   */
  stampSignature(signature: Uint8Array, options?: SignOptions): Promise<Stamp>
}

const NONCE_BYTES = 16
const MAX_RESPONSE_BYTES = 64 * 1024
const TIMEOUT_MS = 10_000
const REPLY = 'application/timestamp-reply'

/** Creates a client of one authority. */
export function createTimestampClient(options: TimestampClientOptions): TimestampClient {
  const { url, runtime, timeoutMs = TIMEOUT_MS, random = randomBytes } = options
  return {
    stampSignature: async (signature, { signal } = {}) => {
      const digest = digestOf(signature)
      const nonce = positive(random(NONCE_BYTES))
      const { status, headers, body } = await exchange(
        {
          url,
          method: 'POST',
          headers: { 'content-type': 'application/timestamp-query', accept: REPLY },
          body: encodeTimestampRequest(digest, nonce),
          maxBytes: MAX_RESPONSE_BYTES,
          timeoutMs,
          signal,
        },
        runtime,
      )
      assertReply(url, status, headers.get('content-type') ?? '')
      const { time, serial, ...found } = readTimestampResponse(body)
      if (found.digest !== digest) throw another(url, 'it is over something else')
      if (Buffer.compare(found.nonce ?? Buffer.alloc(0), nonce) !== 0) {
        throw another(url, 'it is for another request')
      }
      return { response: body, time, serial, digest }
    },
  }
}

/** First bits that let the nonce read back as the bytes it was written from. */
function positive(bytes: Uint8Array): Uint8Array {
  const nonce = Uint8Array.from(bytes)
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40
  return nonce
}

function assertReply(url: URL, status: number, contentType: string): void {
  if (status === 429) throw unavailable('ERR_THROTTLED', url, status)
  if (status !== 200) throw unavailable('ERR_NETWORK', url, status)
  if (contentType.replace(/;.*$/s, '').trim().toLowerCase() !== REPLY) {
    throw another(url, `its answer is not of the type ${REPLY}`)
  }
}

function unavailable(
  code: 'ERR_THROTTLED' | 'ERR_NETWORK',
  url: URL,
  status: number,
): CountersignError {
  return new CountersignError(code, `the time-stamp authority ${url.host} answers with ${status}`, {
    hint: 'try again later, or name another authority',
    details: { host: url.host, status },
  })
}

function another(url: URL, why: string): CountersignError {
  return new CountersignError(
    'ERR_TIMESTAMP_INVALID',
    `the time stamp of ${url.host} can't be used: ${why}`,
    { hint: 'name another time-stamp authority', details: { host: url.host } },
  )
}
