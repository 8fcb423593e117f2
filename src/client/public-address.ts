/**
 * Which IP addresses are of the public internet (IANA special-purpose registries, RFC 6890): a list of
 * what is allowed for IPv6, of what is not for IPv4, so that whatever is new is refused.
 *
 * @packageDocumentation
 */
import { BlockList, isIP } from 'node:net'

/** IPv4 blocks that are no public host: private, loopback, link-local (cloud metadata), test, multicast. */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
/** Inside 2000::/3, the one block of IPv6 that is routed at all: protocols that carry an IPv4 address, and documentation. */
const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

function blocks(kind: 'ipv4' | 'ipv6', list: readonly (readonly [string, number])[]): BlockList {
  const made = new BlockList()
  for (const [address, prefix] of list) made.addSubnet(address, prefix, kind)
  return made
}

/** Prefixes of 96 bits before an IPv4 address: mapped (RFC 4291), and by NAT64 where a network has only IPv6 (RFC 6052). */
const EMBEDDING = ['::ffff:', '64:ff9b::']
const specialEmbedded = EMBEDDING.flatMap((prefix) =>
  SPECIAL_IPV4.map(([address, bits]) => [`${prefix}${address}`, 96 + bits] as const),
)

const specialIpv4 = blocks('ipv4', SPECIAL_IPV4)
const specialIpv6 = blocks('ipv6', [...SPECIAL_IPV6, ...specialEmbedded])
const globalIpv6 = blocks('ipv6', [
  ['2000::', 3],
  ...EMBEDDING.map((prefix) => [`${prefix}0.0.0.0`, 96] as const),
])
const loopback = blocks('ipv4', [['127.0.0.0', 8]])
loopback.addAddress('::1', 'ipv6')

/**
 * Whether an address is a public host. An IPv4 address inside an IPv6 one, mapped or by NAT64, counts as the
 * IPv4 address. Anything else is not public: no address, 6to4, a zone (`fe80::1%eth0`).
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !specialIpv4.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** Whether an address is this machine. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
