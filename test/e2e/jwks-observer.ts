/** Watches the JWKS of each replica, and tells what it saw when. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceProcess } from '../support/service-process.ts'
import { JWKS_PATH } from './cluster.ts'

/** One answer of one replica. The set was served at some moment between the two times. */
export interface Observation {
  readonly replica: string
  readonly sentAt: number
  readonly receivedAt: number
  readonly sequence: number
  readonly kids: ReadonlySet<string>
}

/** Asks every replica again and again, one request at a time each, until disposed. */
export class JwksObserver implements AsyncDisposable {
  readonly observations: Observation[] = []
  readonly #stop = new AbortController()
  readonly #watching: readonly Promise<void>[]

  constructor(replicas: readonly ServiceProcess[], everyMs: number) {
    this.#watching = replicas.map(({ url }) => this.#watch(url, everyMs))
  }

  async #watch(url: string, everyMs: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.observations.push(await observe(url))
      await delay(everyMs)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#watching)
  }
}

/** Fetches the JWKS of a replica once. */
async function observe(url: string): Promise<Observation> {
  const sentAt = Date.now()
  const response = await fetch(`${url}${JWKS_PATH}`)
  const { keys, sequence } = (await response.json()) as {
    readonly keys: readonly { readonly kid: string }[]
    readonly sequence: number
  }
  const kids = new Set(keys.map(({ kid }) => kid))
  return { replica: url, sentAt, receivedAt: Date.now(), sequence, kids }
}

/** What is wrong with the order of a replica's sets: empty, back in sequence, or more under the same number. */
export function disorderIn(observations: readonly Observation[]): readonly string[] {
  const last = new Map<string, Observation>()
  return observations.flatMap((seen) => {
    const before = last.get(seen.replica)
    last.set(seen.replica, seen)
    const wrong = seen.kids.size === 0 ? ['empty'] : []
    if (before === undefined || seen.sequence > before.sequence) return wrong
    if (seen.sequence < before.sequence) return [...wrong, 'sequence went back']
    // Under the same number time may take a version away, and never bring one.
    return [...seen.kids].every((kid) => before.kids.has(kid))
      ? wrong
      : [...wrong, 'a key came without a new sequence']
  })
}
