/** The KMS double without its HTTP server: from an operation's name and body to its answer. */
import { EventEmitter, once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { authenticate, type KmsCredentials } from './authenticate.ts'
import { accessDenied, KmsFault } from './fault.ts'
import { KmsImports } from './imports.ts'
import { KmsInput } from './input.ts'
import { createKey, type KmsKey, type NewKey } from './key.ts'
import { OPERATIONS } from './operations.ts'
import { type KmsQuotas, QuotaBuckets } from './quota.ts'
import type { SigningFault } from './signing.ts'
import { KmsStore } from './store.ts'

/** How the double behaves; everything has a default. */
export interface KmsDoubleOptions {
  /** Its clock, in ms: quotas, lags, deletions, the Date header and the freshness of requests. */
  readonly now?: () => number
  readonly account?: string
  readonly credentials?: KmsCredentials
  /** Requests per second by quota; what is not named is unlimited. */
  readonly quotas?: KmsQuotas
  /** Time until a changed alias is seen. */
  readonly aliasLagMs?: number
  /** Time until a new key is seen. */
  readonly keyLagMs?: number
  /** Time before every answer: a network between the caller and KMS. */
  readonly latencyMs?: number
  /** Draws which requests {@link KmsService.failShare} breaks; a seeded one draws the same in every run. */
  readonly random?: () => number
}

/** A part of all requests that goes wrong. */
interface FaultShare {
  readonly operation: string
  readonly share: number
  readonly fault: KmsDoubleFault
}

/** What the double does in place of an operation's own answer. */
export type KmsDoubleFault =
  /** Answers with an error of KMS. */
  | {
      readonly kind: 'error'
      readonly name: string
      readonly message?: string
      readonly status?: number
    }
  /** Answers with bytes that are not KMS's. */
  | { readonly kind: 'reply'; readonly status: number; readonly body: string }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection, before or after the work is done. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** Changes the answer. */
  | { readonly kind: 'rewrite'; readonly rewrite: (answer: Record<string, unknown>) => object }
  /** Signs wrongly. */
  | { readonly kind: 'sign'; readonly how: SigningFault }

/** Region of keys added without one. */
export const KMS_DOUBLE_REGION = 'eu-west-1'

const DEFAULT_CREDENTIALS: KmsCredentials = {
  accessKeyId: 'AKIACOUNTERSIGNTEST',
  secretAccessKey: 'an access key of the KMS double',
}

/** One request, read to its end. */
export interface KmsRequest {
  readonly operation: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly fault: KmsDoubleFault | undefined
}

/** One account of KMS, with the switches that break it. */
export class KmsService {
  readonly calls: Map<string, number> = new Map<string, number>()
  /** By `OPERATION REGION`. */
  readonly regionCalls: Map<string, number> = new Map<string, number>()
  readonly denied: Set<string> = new Set<string>()
  readonly credentials: KmsCredentials
  readonly store: KmsStore
  readonly now: () => number
  readonly #account: string
  readonly #quotas: QuotaBuckets
  readonly #requests = new EventEmitter()
  readonly #faults = new Map<string, { readonly fault: KmsDoubleFault; times: number }>()
  readonly #regionFaults = new Map<string, KmsDoubleFault>()
  readonly #shares: FaultShare[] = []
  readonly #imports = new KmsImports()
  readonly #random: () => number

  constructor(options: KmsDoubleOptions) {
    this.now = options.now ?? Date.now
    this.#random = options.random ?? Math.random
    this.#account = options.account ?? '111122223333'
    this.#quotas = new QuotaBuckets(options.quotas ?? {}, this.now)
    this.credentials = options.credentials ?? DEFAULT_CREDENTIALS
    const { aliasLagMs = 0, keyLagMs = 0 } = options
    this.store = new KmsStore({ now: this.now, account: this.#account, aliasLagMs, keyLagMs })
  }

  /** Adds a key without a request. */
  async addKey(key: Partial<NewKey> & Pick<NewKey, 'spec'>): Promise<KmsKey> {
    const region = key.region ?? KMS_DOUBLE_REGION
    const made = await createKey({
      account: this.#account,
      usage: 'SIGN_VERIFY',
      description: '',
      origin: 'AWS_KMS',
      multiRegion: false,
      tags: new Map(),
      now: this.now(),
      ...key,
      region,
    })
    this.store.addKey(region, made)
    return made
  }

  /** Counts a request and says what shall go wrong with it. */
  receive(operation: string, region: string): KmsDoubleFault | undefined {
    count(this.calls, operation)
    count(this.regionCalls, `${operation} ${region}`)
    this.#requests.emit(operation)
    const regional = this.#regionFaults.get(region)
    if (regional !== undefined) return regional
    const found = this.#faults.get(operation)
    if (found === undefined) return this.#drawn(operation)
    found.times -= 1
    if (found.times <= 0) this.#faults.delete(operation)
    return found.fault
  }

  /** Breaks a part of the requests of an operation: each share is drawn of what those before it left. */
  failShare(operation: string, share: number, fault: KmsDoubleFault): void {
    this.#shares.push({ operation, share, fault })
  }

  /** Breaks a region, or repairs it. */
  failRegion(region: string, fault: KmsDoubleFault | undefined): void {
    if (fault === undefined) this.#regionFaults.delete(region)
    else this.#regionFaults.set(region, fault)
  }

  #drawn(operation: string): KmsDoubleFault | undefined {
    const shares = this.#shares.filter((share) => share.operation === operation)
    return shares.find(({ share }) => this.#random() < share)?.fault
  }

  /** Settles when the next request of an operation arrives. */
  async next(operation: string): Promise<void> {
    await once(this.#requests, operation)
  }

  /** Breaks an operation, for so many requests. */
  fail(operation: string, fault: KmsDoubleFault, times: number): void {
    this.#faults.set(operation, { fault, times })
  }

  /** Ends every deny and fail, and forgets the counts. */
  reset(): void {
    this.denied.clear()
    this.#faults.clear()
    this.#regionFaults.clear()
    this.#shares.length = 0
    this.calls.clear()
    this.regionCalls.clear()
  }

  /** Answers as KMS does, errors included. */
  async answer(request: KmsRequest): Promise<{ readonly status: number; readonly body: string }> {
    const { fault } = request
    if (fault?.kind === 'reply') return fault
    try {
      const answer = await this.#run(request)
      if (answer === undefined) return { status: 200, body: '' }
      const changed = fault?.kind === 'rewrite' ? fault.rewrite(answer) : answer
      return { status: 200, body: JSON.stringify(changed) }
    } catch (error) {
      if (!(error instanceof KmsFault)) throw error
      const document = { __type: error.type, message: error.message }
      return { status: error.status, body: JSON.stringify(document) }
    }
  }

  async #run(request: KmsRequest): Promise<Record<string, unknown> | undefined> {
    const { operation, headers, body, fault } = request
    const now = this.now()
    const region = authenticate(headers, body, { credentials: this.credentials, now })
    if (fault?.kind === 'error') throw new KmsFault(fault.name, fault.message ?? '', fault.status)
    const run = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined
    if (run === undefined) throw new KmsFault('UnknownOperationException', '')
    const input = new KmsInput(body)
    this.#quotas.take(operation)
    if (!input.has('KeyId') && !input.has('TargetKeyId')) this.#assertAllowed(operation)
    return run(input, {
      store: this.store,
      region,
      account: this.#account,
      now,
      imports: this.#imports,
      signingFault: fault?.kind === 'sign' ? fault.how : undefined,
      take: (quota) => {
        this.#quotas.take(quota)
      },
      find: (keyId) => {
        const key = this.store.find(region, keyId)
        this.#assertAllowed(operation, key.arn)
        return key
      },
    })
  }

  #assertAllowed(operation: string, resource?: string): void {
    if (!this.denied.has(operation)) return
    throw accessDenied(`arn:aws:iam::${this.#account}:user/signer`, operation, resource)
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
