/**
 * The HTTP proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, or in lower case, which goes
 * first, read as curl and Go read them. Addresses of this machine are never reached through one.
 *
 * @packageDocumentation
 */
import { BlockList, isIP } from 'node:net'
import { CountersignError } from '../errors.ts'
import { isLoopbackAddress } from './public-address.ts'

/** Variables by name, of which only those of proxies are read. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>

/** Says how addresses are reached. */
export interface Proxies {
  /**
   * The proxy that an address is reached through, with its password; undefined: none is.
   *
   * @throws {@link CountersignError} ERR_CONFIG_INVALID — the variable holds something else than a proxy
   */
  proxyFor(url: URL): URL | undefined
}

/** An entry of NO_PROXY: hosts that are reached directly, of one port or of any. */
interface Exception {
  readonly port: string | undefined
  readonly matches: (host: string) => boolean
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' }

/** Reads the variables; what is wrong with them is said by the first address that needs them. */
export function readProxies(env: ProxyVariables): Proxies {
  const exceptions = parseNoProxy(readVariable(env, 'no_proxy').value)
  const isExcepted = (host: string, port: string): boolean =>
    exceptions.some((one) => (one.port ?? port) === port && one.matches(host))
  return {
    proxyFor: (url) => {
      const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy'
      const variable = readVariable(env, name)
      const host = hostOf(url)
      const port = url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? '') : url.port
      if (variable.value === '' || isLocal(host) || isExcepted(host, port)) return undefined
      return parseProxy(variable)
    },
  }
}

/** Whether the environment names a proxy at all. */
export function namesProxy(env: ProxyVariables): boolean {
  return ['https_proxy', 'http_proxy'].some((name) => readVariable(env, name).value !== '')
}

interface Variable {
  readonly name: string
  readonly value: string
}

function readVariable(env: ProxyVariables, lowerCase: string): Variable {
  const upperCase = lowerCase.toUpperCase()
  const given = [lowerCase, upperCase].find((name) => (env[name] ?? '').trim() !== '')
  return { name: given ?? upperCase, value: (env[given ?? upperCase] ?? '').trim() }
}

/** Never repeats the value, which may hold a password. */
function parseProxy({ name, value }: Variable): URL {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`)
  const isProxy = url !== null && /^https?:$/.test(url.protocol) && hasReadableLogin(url)
  if (isProxy) return url
  throw new CountersignError('ERR_CONFIG_INVALID', `${name} is not the address of an http proxy`, {
    hint: `write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with reserved characters as %XX`,
  })
}

function hasReadableLogin({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`)
    return true
  } catch {
    return false
  }
}

/** As an address for people: without a login. */
export function displayProxy({ protocol, host }: URL): string {
  return `${protocol}//${host}`
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
}

function parseNoProxy(list: string): readonly Exception[] {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(parseException)
}

/** `host`, `.host`, `*.host`, `*`, an address or a network; all but the last with or without a port. */
function parseException(entry: string): Exception {
  const [, bracketed, bracketedPort] = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry) ?? []
  if (bracketed !== undefined) return { port: bracketedPort, matches: isNetwork(bracketed, 128) }
  const [, network = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? []
  if (isIP(network) !== 0) return { port: undefined, matches: isNetwork(network, Number(prefix)) }
  if (isIP(entry) !== 0) return { port: undefined, matches: isNetwork(entry, 128) }
  const [, name = entry, port] = /^(.*):(\d+)$/.exec(entry) ?? []
  if (isIP(name) !== 0) return { port, matches: isNetwork(name, 32) }
  return { port, matches: isDomain(name.replace(/^\*?\./, '').replace(/\.$/, '')) }
}

function isDomain(domain: string): Exception['matches'] {
  if (domain === '*') return () => true
  return (host) => isIP(host) === 0 && (host === domain || host.endsWith(`.${domain}`))
}

function isNetwork(address: string, prefix: number): Exception['matches'] {
  const kind = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  const network = new BlockList()
  const bits = kind === 'ipv4' ? 32 : 128
  if (isIP(address) !== 0) network.addSubnet(address, Math.min(prefix, bits), kind)
  return (host) => {
    const family = isIP(host)
    return family !== 0 && network.check(host, family === 4 ? 'ipv4' : 'ipv6')
  }
}
