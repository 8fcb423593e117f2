/** Names of registries: where their API answers, and which may be spoken to in plain http. */
import { CountersignError } from '../errors.ts'

/** The names under which Docker Hub appears in references and credential files. */
export const DOCKER_HUB_NAMES: readonly string[] = [
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
]

/** Whether a URL's host is this machine: `localhost`, `127.0.0.0/8` or `::1`. */
function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  )
}

/**
 * The origin of a registry's API. Plain http where `plainHttp` says so; left open, only on loopback.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — not a `host[:port]`
 */
export function registryOrigin(registry: string, plainHttp?: boolean): URL {
  const host = DOCKER_HUB_NAMES.includes(registry) ? 'registry-1.docker.io' : registry
  const secure = `https://${host}/`
  if (!URL.canParse(secure) || /[/?#@\\]/.test(host)) {
    throw new CountersignError('ERR_REFERENCE_INVALID', `not a registry: "${registry}"`, {
      hint: 'a registry is a host name or address, and a port where it is not 443',
    })
  }
  return (plainHttp ?? isLoopback(new URL(secure))) ? new URL(`http://${host}/`) : new URL(secure)
}

/**
 * Refuses an address a registry sends us to (redirect, upload, token server) where it is not http(s),
 * or where a connection that was encrypted would no longer be.
 *
 * @throws {@link CountersignError} ERR_REGISTRY_PROTOCOL
 */
export function assertNoDowngrade(from: URL, to: URL): void {
  if (to.protocol === 'https:') return
  // From a loopback registry a plain address elsewhere would carry credentials into the network.
  const mayBePlain = from.protocol === 'http:' && (isLoopback(to) || !isLoopback(from))
  if (to.protocol === 'http:' && mayBePlain) return
  throw new CountersignError(
    'ERR_REGISTRY_PROTOCOL',
    `${from.host} sends us to an address without TLS, "${to.protocol}//${to.host}"`,
    { hint: 'a registry behind a TLS proxy must know its own https address' },
  )
}
