/** What clients were given, as they would hold it against the service later. */
import { createHash } from 'node:crypto'
import type { JsonObject } from '../../../src/formats/json.ts'
import { withoutLogEntries } from '../../../src/formats/log-entry.ts'

/** An answer that is not what was asked for. */
export interface Refusal {
  readonly status: number
  readonly contentType: string | null
  readonly retryAfter: string | null
  readonly code: string
  readonly retryable: boolean
}

/** The request of an Idempotency-Key, and its answer, once there was one. */
export interface Ordered {
  readonly key: string
  readonly path: string
  readonly body: string
  answer?: string
  /** Whether the version that answered was revoked before its answer came. */
  isRevoked?: boolean
}

/** Collects; clients share one. */
export class Receipts {
  /** Labels under which the log must have an entry for each signature and token that was received. */
  readonly labels: string[] = []
  readonly refusals: Refusal[] = []
  /** Requests whose Idempotency-Key got two different answers. */
  readonly contradictions: string[] = []
  readonly orders: Ordered[] = []
  /** Requests that were answered as wished. */
  answered = 0
  /** Why connections ended without an answer: `ECONNREFUSED`, `UND_ERR_SOCKET`… */
  readonly cuts: string[] = []
  /** The newest checkpoints seen. */
  readonly checkpoints: { log?: string; audit?: string } = {}

  token({ jti }: { readonly jti: string }): void {
    this.labels.push(`jti:${jti}`)
  }

  bundle(bundle: JsonObject): void {
    const bytes = JSON.stringify(withoutLogEntries(bundle))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.labels.push(`bundle:${sha256}`)
  }

  /** Compares an answer with the earlier one, except for the proofs, which are recomputed. */
  answer(order: Ordered, text: string): void {
    const answer = JSON.stringify(withoutProofs(JSON.parse(text) as Answer))
    order.answer ??= answer
    if (order.answer !== answer) this.contradictions.push(order.key)
  }

  /** Keeps a checkpoint if none with more entries was seen. */
  seen(log: keyof Receipts['checkpoints'], note: string): void {
    if (sizeOf(note) >= sizeOf(this.checkpoints[log])) this.checkpoints[log] = note
  }

  /** Requests that failed on the side of the service. */
  get failures(): readonly Refusal[] {
    return this.refusals.filter(({ status }) => status >= 500)
  }

  /** The {@link Receipts.failures} that do not say when to try again, not even on a busy machine. */
  get faults(): readonly Refusal[] {
    return this.failures.filter(
      ({ status, retryable, retryAfter }) => status !== 503 || !retryable || retryAfter === null,
    )
  }
}

interface Answer {
  readonly bundle?: JsonObject
  readonly results?: readonly Answer[]
}

function withoutProofs({ bundle, results, ...rest }: Answer): object {
  return {
    ...rest,
    ...(bundle !== undefined && { bundle: withoutLogEntries(bundle) }),
    ...(results !== undefined && { results: results.map(withoutProofs) }),
  }
}

function sizeOf(note: string | undefined): number {
  return Number(note?.split('\n')[1] ?? -1)
}
