/** How references name an account of AWS: its endpoint, region and profile. */
/** Where calls go and with whose credentials; what is absent comes from the SDK's own defaults. */
export interface AwsAccount {
  /** `host[:port]` of an endpoint that is not AWS's own, in lower case. */
  readonly endpoint?: string
  readonly region?: string
  /** Section of the shared AWS configuration files. */
  readonly profile?: string
}

/** What a region is called. */
export const REGION_PATTERN = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'

/** What a reference may say of an account behind its `?`. */
export const ACCOUNT_PARAMETERS: Readonly<Record<'region' | 'profile', RegExp>> = {
  region: new RegExp(`^${REGION_PATTERN}$`),
  profile: /^\P{Cc}{1,128}$/u,
}

/** Parses `host[:port]`, in lower case; undefined for anything else. */
export function parseEndpoint(text: string): string | undefined {
  const endpoint = text.toLowerCase()
  const [, host = '', port = '443'] = /^(.+?)(?::([1-9][0-9]{0,4}))?$/.exec(endpoint) ?? []
  // Comparing with what the URL parser makes of it refuses credentials, escapes and odd IP spellings.
  const url = `https://${host}/`
  const isHost = URL.canParse(url) && new URL(url).hostname === host
  return isHost && Number(port) <= 65_535 ? endpoint : undefined
}

/**
 * Parses what a reference says behind its `?`: parameters of known names, each once.
 *
 * @param invalid - makes the error of a reference
 */
export function parseAccountQuery<Name extends string>(
  query: string | undefined,
  parameters: Readonly<Record<Name, RegExp>>,
  invalid: (why: string) => Error,
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {}
  for (const parameter of query?.split('&') ?? []) {
    const [name = '', ...raw] = parameter.split('=')
    if (!isNameOf(parameters, name)) {
      const known = Object.keys(parameters).join(' and ')
      throw invalid(`unknown parameter "${name}", only ${known} are known`)
    }
    if (found[name] !== undefined) throw invalid(`"${name}" is given twice`)
    const value = decodeComponent(raw.join('='))
    if (value === undefined) throw invalid('broken percent-encoding')
    if (!parameters[name].test(value)) throw invalid(`"${name}" has a bad value`)
    found[name] = value
  }
  return found
}

function isNameOf<Name extends string>(
  parameters: Readonly<Record<Name, unknown>>,
  name: string,
): name is Name {
  return Object.hasOwn(parameters, name)
}

/** Decodes a part of a reference; undefined where its percent-encoding is broken. */
export function decodeComponent(part: string): string | undefined {
  try {
    // A lone surrogate passes decoding but has no encoding of its own.
    return part.isWellFormed() ? decodeURIComponent(part) : undefined
  } catch {
    return undefined
  }
}

/** URL of an endpoint: https, and plain http only where it can't leave the machine. */
export function endpointUrl(endpoint: string): string {
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(endpoint)
  return `${isLoopback ? 'http' : 'https'}://${endpoint}`
}
