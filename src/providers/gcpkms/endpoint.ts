/** Where the API is reached. */
import { isSecureOrLocal } from '../../client/secure-address.ts'
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
