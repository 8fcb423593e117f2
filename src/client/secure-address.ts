/** Addresses that a secret may be sent to. */
import { isLoopbackAddress } from './public-address.ts'

/** Whether what is sent to an address cannot be read on the way: https, or http to this machine itself. */
export function isSecureOrLocal({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isLocal = host === 'localhost' || isLoopbackAddress(host)
  return protocol === 'https:' || (protocol === 'http:' && isLocal)
}
