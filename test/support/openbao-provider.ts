/** A provider of transit keys whose calls are counted, and whose clock the test moves. */
import { openOpenBao, type OpenBaoKeys } from '../../src/providers/openbao/provider.ts'
import type { OpenBaoUri } from '../../src/providers/openbao/uri.ts'

/** A provider and what it did. */
export interface CountedProvider {
  readonly provider: OpenBaoKeys
  /** Method and path of every request so far, in order. */
  readonly calls: readonly string[]
  /** Times that a retry waited, in ms. */
  readonly pauses: readonly number[]
  /** Moves the clock of the provider. */
  readonly pass: (seconds: number) => void
}

/** Opens a provider; its retries wait for nothing. */
export function openCounted(env: Readonly<Record<string, string>>): CountedProvider {
  const calls: string[] = []
  const pauses: number[] = []
  let now = 0
  const provider = openOpenBao({
    env,
    now: () => new Date(now),
    readSecret: ({ variable }) => Promise.resolve(env[variable]),
    pause: (milliseconds) => {
      pauses.push(milliseconds)
      return Promise.resolve()
    },
    fetch: (input, init) => {
      const { method, url } = new Request(input, init)
      calls.push(`${method} ${new URL(url).pathname.replace('/v1/', '')}`)
      return fetch(input, init)
    },
  })
  const pass = (seconds: number): void => {
    now += seconds * 1000
  }
  return { provider, calls, pauses, pass }
}

/** A reference to a key, or to one version of it. */
export function keyUri(key: string, more: Partial<OpenBaoUri> = {}): OpenBaoUri {
  return { scheme: 'openbao', key, ...more }
}
