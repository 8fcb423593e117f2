/**
 * Clients that never stop asking: tokens, signatures one by one and in batches, attestations, and
 * administrators who make, rotate, revoke and destroy versions all the while. What was cut off is asked for
 * again, under the same Idempotency-Key.
 *
 * @packageDocumentation
 */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { JsonObject } from '../../../src/formats/json.ts'
import type { Ordered, Receipts, Refusal } from './receipts.ts'
import type { Targets } from './targets.ts'

/** Whom to ask, and where to note what came of it. */
export interface LoadOptions {
  readonly targets: Targets
  readonly authorization: string
  readonly random: () => number
  readonly receipts: Receipts
  /** Names of keys that administrators change. */
  readonly administered?: readonly string[]
  readonly clients?: number
}

/** The names of the keys that clients use. */
export const LOAD_KEYS = { artifacts: 'release', tokens: 'sessions' } as const

/** Starts the clients. Disposing them lets each finish what it is at, and give up where nothing listens. */
export function startLoad(options: LoadOptions): AsyncDisposable {
  const { administered = [], clients = 6 } = options
  const stopped = new AbortController()
  const client = new Client(options, stopped.signal)
  const work = [
    ...Array.from({ length: clients }, () => client.run((random) => client.customer(random))),
    ...administered.map((key) => client.run((random) => client.administrator(key, random))),
  ]
  return {
    [Symbol.asyncDispose]: async () => {
      stopped.abort()
      await Promise.all(work)
    },
  }
}

/** What administrators let pass between two acts. */
const ADMINISTRATOR_PAUSE_MS = 40

/** Of what fetch takes, what clients say. */
interface Asked {
  readonly method?: 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

class Client {
  readonly #options: LoadOptions
  readonly #stopped: AbortSignal

  constructor(options: LoadOptions, stopped: AbortSignal) {
    this.#options = options
    this.#stopped = stopped
  }

  async run(act: (random: number) => Promise<void>): Promise<void> {
    while (!this.#stopped.aborted) await act(this.#options.random())
  }

  async customer(random: number): Promise<void> {
    if (random < 0.3) return this.#token()
    if (random < 0.5) return this.#order('signatures', artifacts(1))
    if (random < 0.65) return this.#order('signatures', artifacts(5))
    if (random < 0.8) return this.#order('attestations', attestation())
    if (random < 0.9) return this.#repeat()
    return this.#checkpoint()
  }

  async administrator(key: string, random: number): Promise<void> {
    const reason = 'a test of crashes'
    const path = `/v1/keys/${key}`
    if (random < 0.5) await this.#post(`${path}/rotate`, { force: true, reason })
    else if (random < 0.7) await this.#post('/v1/keys', { key, publish: random < 0.6 })
    else if (random < 0.85) {
      const mode = random < 0.78 ? 'flush' : 'seamless'
      await this.#post(`${path}/revoke`, { mode, reason })
    } else await this.#destroyOldest(key)
    await pause(ADMINISTRATOR_PAUSE_MS)
  }

  async #token(): Promise<void> {
    const claims = { sub: randomUUID() }
    const path = `/v1/keys/${LOAD_KEYS.tokens}/tokens`
    const text = await this.#post(path, { audience: 'https://api.example.com', claims })
    if (text !== undefined) this.#options.receipts.token(JSON.parse(text) as { jti: string })
  }

  async #order(what: 'signatures' | 'attestations', body: JsonObject): Promise<void> {
    const path = `/v1/keys/${LOAD_KEYS.artifacts}/${what}`
    const order: Ordered = { key: randomUUID(), path, body: JSON.stringify(body) }
    this.#options.receipts.orders.push(order)
    while (order.answer === undefined && !order.isRevoked && !this.#stopped.aborted) {
      await this.#send(order)
    }
  }

  /** Asks again for what was answered, or was not, perhaps by a replica that is gone. */
  async #repeat(): Promise<void> {
    const { random, receipts } = this.#options
    const recent = receipts.orders.slice(-200)
    const order = recent[Math.floor(random() * recent.length)]
    if (order !== undefined) await this.#send(order)
  }

  async #send(order: Ordered): Promise<void> {
    const { receipts } = this.#options
    const refused = receipts.refusals.length
    const text = await this.#post(order.path, order.body, { 'idempotency-key': order.key })
    if (text === undefined) {
      order.isRevoked = receipts.refusals.slice(refused).some(isRevoked)
      return
    }
    // A batch with a problem in it is not kept: the next try may answer otherwise.
    if (!text.includes('"problem":')) receipts.answer(order, text)
    const answer = JSON.parse(text) as { bundle?: JsonObject; results?: { bundle?: JsonObject }[] }
    for (const { bundle } of answer.results ?? [answer]) {
      if (bundle !== undefined) receipts.bundle(bundle)
    }
  }

  async #checkpoint(): Promise<void> {
    for (const log of ['log', 'audit'] as const) {
      const note = await this.#request(`/${log}/checkpoint`, {})
      if (note !== undefined) this.#options.receipts.seen(log, note)
    }
  }

  async #destroyOldest(key: string): Promise<void> {
    const text = await this.#request(`/v1/keys/${key}`, {})
    if (text === undefined) return
    const { versions } = JSON.parse(text) as { versions: { version: number; state: string }[] }
    const oldest = versions.find(({ state }) => state === 'retired' || state === 'revoked')
    if (oldest === undefined) return
    await this.#post(`/v1/keys/${key}/destroy`, { version: oldest.version, reason: 'old' })
  }

  #post(
    path: string,
    body: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string | undefined> {
    return this.#request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** Undefined: it was refused, or cut off. */
  async #request(path: string, init: Asked): Promise<string | undefined> {
    const { authorization, random, receipts, targets } = this.#options
    const url = await targets.pick(random, this.#stopped)
    if (url === undefined) return undefined
    try {
      const headers = { authorization, ...init.headers }
      const response = await fetch(`${url}${path}`, { ...init, headers })
      const text = await response.text()
      if (!response.ok) {
        receipts.refusals.push(toRefusal(response, text))
        return undefined
      }
      receipts.answered += 1
      return text
    } catch (error) {
      receipts.cuts.push(errnoOf(error))
      // Lets the killer of replicas record it before the next attempt.
      await pause(5)
      return undefined
    }
  }
}

function isRevoked({ code }: Refusal): boolean {
  return code === 'ERR_KEY_REVOKED'
}

function toRefusal({ status, headers }: Response, body: string): Refusal {
  const { code, retryable } = JSON.parse(body) as { code: string; retryable: boolean }
  const contentType = headers.get('content-type')
  return { status, contentType, retryAfter: headers.get('retry-after'), code, retryable }
}

/** The errno of what fetch throws, which wraps it. */
function errnoOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.cause instanceof Error) return errnoOf(error.cause)
  return 'code' in error ? String(error.code) : error.message
}

function digest(): string {
  return `sha256:${createHash('sha256').update(randomUUID()).digest('hex')}`
}

function artifacts(count: number): JsonObject {
  const one = (): JsonObject => ({ digest: digest(), kind: 'image', name: 'app' })
  return { artifacts: Array.from({ length: count }, one) }
}

function attestation(): JsonObject {
  return {
    subjects: [{ name: 'app', digest: digest() }],
    predicateType: 'https://example.com/crash/v1',
    predicate: { note: 'made while processes die' },
  }
}
