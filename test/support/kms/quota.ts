/** Request quotas: one token bucket each, refilled by the double's clock. */
import { throttled } from './fault.ts'

/** Requests per second, by operation; signing and verifying count as `RSA` or `ECC`. */
export type KmsQuotas = Readonly<Record<string, number>>

/** The quotas of a new AWS account. */
export const AWS_QUOTAS: KmsQuotas = {
  RSA: 1000,
  ECC: 1000,
  CreateKey: 5,
  CreateAlias: 5,
  UpdateAlias: 5,
  EnableKey: 5,
  DisableKey: 5,
  ScheduleKeyDeletion: 15,
  CancelKeyDeletion: 5,
  DeleteAlias: 15,
  DescribeKey: 2000,
  GetPublicKey: 2000,
  ListResourceTags: 2000,
  ListAliases: 500,
  ListKeys: 500,
  TagResource: 10,
  GetKeyLastUsage: 5,
}

interface Bucket {
  tokens: number
  filledAt: number
}

/** Counts requests against quotas. */
export class QuotaBuckets {
  readonly #quotas: KmsQuotas
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(quotas: KmsQuotas, now: () => number) {
    this.#quotas = quotas
    this.#now = now
  }

  /** Takes one request from a quota, or throws ThrottlingException. */
  take(quota: string): void {
    const rate = this.#quotas[quota]
    if (rate === undefined) return
    const now = this.#now()
    const bucket = this.#buckets.get(quota) ?? { tokens: rate, filledAt: now }
    this.#buckets.set(quota, bucket)
    bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.filledAt) * rate) / 1000)
    bucket.filledAt = now
    if (bucket.tokens < 1) throw throttled()
    bucket.tokens -= 1
  }
}
