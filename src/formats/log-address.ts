/** Address of a log in a trusted root: its host is the log's name, which verifiers compare. */
export function logAddress(name: string): string {
  return name.includes(':') ? `https://[${name}]` : `https://${name}`
}

/** Name of the log at an address, an IPv6 one without brackets; undefined where it is not an address. */
export function logNameAt(address: string): string | undefined {
  return URL.parse(address)?.hostname.replaceAll(/[[\]]/g, '')
}
