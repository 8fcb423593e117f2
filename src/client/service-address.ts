/** Addresses of a service, which may lie in a folder of its host. */
import { CountersignError } from '../errors.ts'

/** The address of a path of a service; the service's own may end with a slash or not. */
export function atService(service: URL, path: string): URL {
  return new URL(path, service.href.endsWith('/') ? service : `${service.href}/`)
}

/**
 * Makes sure that an address keeps a bearer token private, since a leaked token is usable by any reader.
 *
 * @throws {@link CountersignError} ERR_USAGE — neither https nor this machine itself
 */
export function assertPrivate(url: URL): void {
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return
  throw new CountersignError('ERR_USAGE', `"${url.origin}" is not https`, {
    hint: 'a token is sent to the service, so its address must begin with https://',
  })
}
