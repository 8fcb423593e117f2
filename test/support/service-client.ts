/** Requests to a running service as a minimal client makes them: the status and the code of each answer. */
import { setTimeout as delay } from 'node:timers/promises'
import { digestOf } from '../../src/crypto/digest.ts'
import { encodeTimestampRequest } from '../../src/timestamp/request.ts'

/** What an answer comes to. */
export interface Verdict {
  readonly status: number
  /** `code` of a problem, else undefined. */
  readonly code: unknown
}

const STANDBY_TRIES = 600

/** The address of a service and the identity of its caller. */
export interface ClientOptions {
  readonly address: string
  /** `authorization` header. */
  readonly authorization: string
}

/** Calls one service. */
export class ServiceClient {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** Signs an image with the key `release`. */
  sign(): Promise<Verdict> {
    const artifacts = [{ digest: digestOf(Buffer.from('an image')), kind: 'image' }]
    return this.post('/v1/keys/release/signatures', { artifacts })
  }

  /** As {@link ServiceClient.sign}, with the code of the one result where the batch is answered. */
  async signOne(): Promise<Verdict> {
    const artifacts = [{ digest: digestOf(Buffer.from('an image')), kind: 'image' }]
    const answer = await this.#send('/v1/keys/release/signatures', { artifacts })
    if (!answer.ok) return verdictOf(answer)
    const { results } = (await answer.json()) as {
      readonly results: readonly { readonly problem?: object }[]
    }
    return { status: answer.status, code: codeIn(results[0]?.problem) }
  }

  /** Issues a token with the key `sessions`. */
  issueToken(): Promise<Verdict> {
    return this.post('/v1/keys/sessions/tokens', { audience: 'https://api.example.com' })
  }

  /** Asks for a time stamp without authentication. */
  async stamp(): Promise<Verdict> {
    const body = Buffer.from(
      encodeTimestampRequest(digestOf(Buffer.from('a signature')), Buffer.from([1])),
    )
    const headers = { 'content-type': 'application/timestamp-query' }
    return verdictOf(
      await fetch(`${this.#options.address}/v1/timestamps`, { method: 'POST', headers, body }),
    )
  }

  /** Revokes the active version of a key; its standby follows, which is made soon after the start. */
  async revoke(key: string): Promise<Verdict> {
    await this.waitForStandby(key)
    return this.post(`/v1/keys/${key}/revoke`, { mode: 'seamless', reason: 'stolen' })
  }

  /** Waits until a key has a version that may follow the active one. */
  async waitForStandby(key: string): Promise<void> {
    const { address, authorization } = this.#options
    for (let left = STANDBY_TRIES; left > 0; left -= 1) {
      const answer = await fetch(`${address}/v1/keys/${key}`, { headers: { authorization } })
      const { versions } = (await answer.json()) as {
        readonly versions?: readonly { readonly state: string; readonly publishedAt?: string }[]
      }
      const isStandby = (version: { readonly state: string; readonly publishedAt?: string }) =>
        version.state === 'pending' && version.publishedAt !== undefined
      if (versions?.some(isStandby) === true) return
      await delay(50)
    }
  }

  /** Sends JSON as the caller. */
  async post(path: string, body: object): Promise<Verdict> {
    return verdictOf(await this.#send(path, body))
  }

  #send(path: string, body: object): Promise<Response> {
    const { address, authorization } = this.#options
    const headers = { authorization, 'content-type': 'application/json' }
    return fetch(`${address}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  /** Checks that fail, as `/readyz` has them: `clock ERR_CLOCK`. */
  async failedChecks(): Promise<readonly string[]> {
    const answer = await fetch(`${this.#options.address}/readyz`)
    const { checks } = (await answer.json()) as {
      readonly checks: readonly {
        readonly name: string
        readonly ok: boolean
        readonly code?: string
      }[]
    }
    return checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name} ${code ?? ''}`)
  }
}

/** The status of an answer, and its code where it is a problem. */
export async function verdictOf(answer: Response): Promise<Verdict> {
  const isProblem = answer.headers.get('content-type')?.includes('json') === true && !answer.ok
  const body: unknown = isProblem ? await answer.json() : {}
  return { status: answer.status, code: codeIn(body) }
}

function codeIn(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
}
