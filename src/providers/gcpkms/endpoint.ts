/** Where the API is reached. */
import { isLoopbackAddress } from '../../client/public-address.ts'
import { CountersignError } from '../../errors.ts'
import type { Surroundings } from '../surroundings.ts'

/** The variable that gcloud has for another endpoint: a private one, or one of a region. */
const ENDPOINT_VARIABLE = 'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS'

/**
 * Reads the endpoint.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not https
 */
export function readEndpoint(env: Surroundings['env']): URL {
  const given = env[ENDPOINT_VARIABLE]?.trim() ?? ''
  const text = given === '' ? 'https://cloudkms.googleapis.com/' : given
  if (URL.canParse(text)) {
    const url = new URL(text)
    if (isSecureOrLocal(url) && url.href === `${url.origin}/`) return url
  }
  throw new CountersignError('ERR_CONFIG_INVALID', `${ENDPOINT_VARIABLE} cannot be used`, {
    hint: `set ${ENDPOINT_VARIABLE} to https://HOST/`,
  })
}

/** Whether what is sent to an address cannot be read on the way: https, or http to this machine itself. */
export function isSecureOrLocal({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isLocal = host === 'localhost' || isLoopbackAddress(host)
  return protocol === 'https:' || (protocol === 'http:' && isLocal)
}
