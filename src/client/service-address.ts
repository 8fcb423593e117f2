/** Addresses below that of a service, which may lie in a folder of its host. */

/** The address of a path of a service; the service's own may end with a slash or not. */
export function atService(service: URL, path: string): URL {
  return new URL(path, service.href.endsWith('/') ? service : `${service.href}/`)
}
