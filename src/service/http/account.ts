/** To whose account requests go. */
import { normalizeIP } from '@fastify/rate-limit'

/**
 * Who a request is counted for. Callers whom policies may permit something have bounds of their own, which no
 * one else can use up; all others, with or without a token, are counted by network.
 */
export interface Account {
  readonly group: 'callers' | 'others'
  readonly owner: string
}

/** The prefix that one site usually has: a client with one address of it controls them all (RFC 6177). */
const IPV6_SITE_BITS = 48

/** The network of an address: 24 bits of IPv4, 48 of IPv6. */
export function networkOf(ip: string): string {
  const address = normalizeIP(ip, IPV6_SITE_BITS)
  return address.includes(':') ? address : address.replace(/\.\d+$/, '.0')
}
