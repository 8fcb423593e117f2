/** To whose account requests go. */
import { normalizeIP } from '@fastify/rate-limit'
import type { KeyUse } from '../../keys/key.ts'
import type { Keyring } from '../../rotation/keyring.ts'

/**
 * Who a request is counted for. Callers whom policies may permit something have bounds of their own, which no
 * one else can use up; all others, with or without a token, are counted by network.
 */
export interface Account {
  readonly group: 'callers' | 'others'
  readonly owner: string
  /** The key that it is for, of those that callers use; empty: none of them. */
  readonly part: string
}

/** Uses of the keys that callers sign with; a backend that hangs keeps the requests for its keys waiting. */
const USES_OF_CALLERS: ReadonlySet<KeyUse> = new Set<KeyUse>(['artifact', 'digest', 'token'])

/** Names of the keys that callers sign with. */
export function keysOfCallers({ snapshot }: Pick<Keyring, 'snapshot'>): readonly string[] {
  return snapshot.keys.filter(({ use }) => USES_OF_CALLERS.has(use)).map(({ name }) => name)
}

/** The prefix that one site usually has: a client with one address of it controls them all (RFC 6177). */
const IPV6_SITE_BITS = 48

/** The network of an address: 24 bits of IPv4, 48 of IPv6. */
export function networkOf(ip: string): string {
  const address = normalizeIP(ip, IPV6_SITE_BITS)
  return address.includes(':') ? address : address.replace(/\.\d+$/, '.0')
}
