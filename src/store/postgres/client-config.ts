import { Client, type ClientConfig, TypeOverrides, types } from 'pg'
import { CountersignError } from '../../errors.ts'
import type { DatabaseSettings } from '../database.ts'
import { splitPostgresHosts } from './hosts.ts'
import type { DatabaseTlsPaths } from './tls-files.ts'

/** What an address says. */
export interface PostgresAddress {
  /** One for each host, in the order of the address, without the contents of TLS files. */
  readonly configs: readonly [ClientConfig, ...ClientConfig[]]
  readonly tlsPaths: DatabaseTlsPaths
  /** Whether a server that takes no writes is passed over. */
  readonly isPrimaryDemanded: boolean
}

/** Modes that are taken as `verify-full`: most of libpq's leave a server's name unchecked, or encrypt perhaps. */
const CHECKED_MODES: ReadonlySet<string> = new Set([
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
])

/** Of libpq's values of target_session_attrs those that a store can do with: it always writes. */
const WRITABLE_TARGETS: ReadonlySet<string> = new Set(['any', 'read-write', 'primary'])

/** What says how a connection is made, and is not passed on to pg. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  ...['host', 'port', 'user', 'password', 'target_session_attrs', 'uselibpqcompat'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
])

/**
 * Reads the URL of a database and bounds every wait. Connections to another machine are encrypted, and the
 * server's certificate and name are checked, whatever the mode: only `sslmode=no-verify` leaves out the check,
 * and `sslmode=disable` the encryption. What a session needs beyond that is set once it stands, see
 * `prepareSession`: poolers refuse it in the first packet.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a URL, or one that a store cannot use; the message
 * never quotes it
 */
export function parsePostgresAddress(text: string, settings: DatabaseSettings): PostgresAddress {
  const [first, ...others] = splitPostgresHosts(text) ?? []
  if (first === undefined) throw unusable('it is not a URL')
  const { searchParams } = first
  if (searchParams.get('host')?.includes(',') === true) {
    throw unusable('several hosts go before the name of the database, not into the parameter host')
  }
  const target = searchParams.get('target_session_attrs')
  if (target !== null && !WRITABLE_TARGETS.has(target)) {
    throw unusable(`target_session_attrs is "${target}", expected read-write: the store writes`)
  }
  return {
    configs: [
      toClientConfig(first, settings),
      ...others.map((url) => toClientConfig(url, settings)),
    ],
    tlsPaths: {
      ca: searchParams.get('sslrootcert') ?? undefined,
      cert: searchParams.get('sslcert') ?? undefined,
      key: searchParams.get('sslkey') ?? undefined,
    },
    isPrimaryDemanded: others.length > 0 || (target !== null && target !== 'any'),
  }
}

function toClientConfig(url: URL, { password, timeoutMs }: DatabaseSettings): ClientConfig {
  const parameters = [...url.searchParams].filter(([name]) => !OWN_PARAMETERS.has(name))
  const { user, database, host, port } = endpointOf(url)
  return {
    application_name: 'countersign',
    ...Object.fromEntries(parameters),
    user,
    database,
    host,
    port,
    password: password ?? passwordOf(url),
    ssl: encryptionOf(url, host),
    connectionTimeoutMillis: timeoutMs,
    // A server that vanished without closing answers nothing, not even that time is up.
    query_timeout: timeoutMs + 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: createTypes(),
  }
}

type Endpoint = Pick<Client, 'database' | 'host' | 'port' | 'user'>

/** Where pg takes a URL to lead; it neither connects nor reads a file. */
function endpointOf(url: URL): Endpoint {
  const bare = new URL(url)
  for (const name of OWN_PARAMETERS) {
    if (!['host', 'port', 'user'].includes(name)) bare.searchParams.delete(name)
  }
  try {
    return new Client({ connectionString: bare.href, ssl: false })
  } catch {
    // What it throws may quote the URL.
    throw unusable('a parameter of it is malformed')
  }
}

function passwordOf(url: URL): string | undefined {
  const password = url.searchParams.get('password') ?? decodeURIComponent(url.password)
  return password === '' ? undefined : password
}

/** Undefined: what PGSSLMODE says, for a connection within this machine. */
function encryptionOf({ searchParams }: URL, host: string): ClientConfig['ssl'] {
  const mode = searchParams.get('sslmode')
  if (mode === 'disable') return false
  if (mode === 'no-verify') return { rejectUnauthorized: false }
  if (mode !== null && !CHECKED_MODES.has(mode)) {
    throw unusable(`sslmode is "${mode}", expected verify-full`)
  }
  const isAsked = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'].some((name) =>
    searchParams.has(name),
  )
  const isFlagged = !['0', 'false'].includes(searchParams.get('ssl') ?? '0')
  return isAsked || isFlagged || !isLocal(host) ? {} : undefined
}

/** Whether a server is on this machine: a socket, or loopback. */
function isLocal(host: string): boolean {
  return host.startsWith('/') || LOOPBACK.test(host)
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/

function unusable(why: string): CountersignError {
  const message = `the URL of the store cannot be used: ${why}`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: 'write postgres://user@host/database, several hosts with commas between them, with sslmode and sslrootcert where TLS is used',
  })
}

/** Integers and bytes as the rest of the store has them: numbers (none comes near 2^53) and Uint8Array. */
function createTypes(): TypeOverrides {
  const overrides = new TypeOverrides()
  overrides.setTypeParser(types.builtins.INT8, Number)
  overrides.setTypeParser(types.builtins.BYTEA, (hex: string) =>
    Uint8Array.from(Buffer.from(hex.slice(2), 'hex')),
  )
  return overrides
}
