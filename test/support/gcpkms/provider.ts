/** A provider of keys in Cloud KMS whose retries wait for nothing, and whose clock the test moves. */
import { type GcpKmsKeys, openGcpKms } from '../../../src/providers/gcpkms/provider.ts'
import type { GcpKmsUri } from '../../../src/providers/gcpkms/uri.ts'
import { RING } from './emulator.ts'

/** A provider, and what it did. */
export interface WatchedGcpKms {
  readonly provider: GcpKmsKeys
  /** Times that a retry waited, in ms. */
  readonly pauses: readonly number[]
  /** Moves the clock of the provider. */
  readonly pass: (seconds: number) => void
}

/**
 * Opens a provider.
 *
 * @param reroute - where a request goes in place of Google's own servers, which no test calls
 */
export function watchGcpKms(
  env: Readonly<Record<string, string>>,
  reroute: (url: string) => string = (url) => url,
): WatchedGcpKms {
  const pauses: number[] = []
  let now = Date.parse('2026-11-25T10:00:00Z')
  const provider = openGcpKms({
    env,
    now: () => new Date(now),
    fetch: (input, init) => fetch(reroute(new Request(input).url), init),
    pause: (milliseconds) => {
      pauses.push(milliseconds)
      return Promise.resolve()
    },
  })
  const pass = (seconds: number): void => {
    now += seconds * 1000
  }
  return { provider, pauses, pass }
}

/** A reference to a key of the emulator, or to one version of it. */
export function gcpKey(key: string, version?: number): GcpKmsUri {
  return { scheme: 'gcpkms', ring: RING, key, ...(version !== undefined && { version }) }
}
