/** Public keys at web addresses: `https://host/kid.pem`. */
import { invalidUri, type ProviderDescriptor } from '../descriptor.ts'

/** A public key at a web address: https, or http to this machine itself. */
export interface HttpsUri {
  readonly scheme: 'https'
  readonly url: string
}

const TEMPLATE = 'https://HOST/PATH'

/** Public keys at web addresses. */
export const https: ProviderDescriptor<HttpsUri> = {
  scheme: 'https',
  aliases: ['http'],
  title: 'a web address',
  template: TEMPLATE,
  examples: ['https://sign.example.com/keys/release.pem'],
  isRemote: true,
  custody: 'public',
  parse: parseHttpsUri,
  serialize: ({ url }) => url,
}

function parseHttpsUri(text: string): HttpsUri {
  if (!URL.canParse(text)) throw invalidUri(text, 'not a URL', TEMPLATE)
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') {
    throw invalidUri('https://…', 'credentials in a URL', TEMPLATE)
  }
  if (protocol === 'https:' || isLoopback(hostname)) return { scheme: 'https', url: text }
  throw invalidUri(text, 'expected https://', TEMPLATE)
}

/** Whether a host name, as URL gives it, is this machine itself; nothing needs to be resolved for it. */
function isLoopback(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}
