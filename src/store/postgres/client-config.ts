import { Client, type ClientConfig, TypeOverrides, types } from 'pg'
import { CountersignError } from '../../errors.ts'
import type { DatabaseSettings } from '../database.ts'
import { SCHEMA } from './schema.ts'

/** Modes of libpq that encrypt without being sure of the server's name, or only perhaps. */
const LAX_MODES: ReadonlySet<string> = new Set(['allow', 'prefer', 'require', 'verify-ca'])

/**
 * Reads the URL of a database and bounds every wait. Connections to another machine are encrypted, and the
 * server's certificate and name are checked, whatever the mode: only `sslmode=no-verify` leaves out the check,
 * and `sslmode=disable` the encryption. Connections search our own schema alone.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a URL, or it names a file that can't be read;
 * the message never quotes it
 */
export function toClientConfig(
  text: string,
  { password, timeoutMs }: DatabaseSettings,
): ClientConfig {
  if (!URL.canParse(text)) throw unusable('it is not a URL')
  const url = new URL(text)
  if (password !== undefined) url.password = encodeURIComponent(password)
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && LAX_MODES.has(mode)) url.searchParams.set('sslmode', 'verify-full')
  assertReadable({ connectionString: url.href })
  if (mode === null && !isLocal(url)) url.searchParams.set('sslmode', 'verify-full')
  const options = url.searchParams.get('options') ?? ''
  // pg_temp last, since it would come first where it is not named.
  url.searchParams.set('options', `${options} -c search_path=${SCHEMA},pg_temp`.trim())
  return {
    connectionString: url.href,
    application_name: 'countersign',
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    lock_timeout: timeoutMs,
    idle_in_transaction_session_timeout: 2 * timeoutMs,
    // A server that is gone without a word answers nothing, not even that time is up.
    query_timeout: timeoutMs + 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: createTypes(),
  }
}

/** Whether a server is on this machine: a socket, or loopback; nothing is read or changed on the way to it. */
function isLocal(url: URL): boolean {
  const { host } = new Client(url.href)
  return host.startsWith('/') || LOOPBACK.test(host)
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/

/** Makes a client once, which reads the files that the URL names. */
function assertReadable(config: ClientConfig): void {
  try {
    new Client(config)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'malformed'
    throw unusable(`a parameter or a file it names can not be read (${code})`)
  }
}

function unusable(why: string): CountersignError {
  const message = `the URL of the store can not be used: ${why}`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: 'write postgres://user@host/database, with sslmode and sslrootcert where TLS is used',
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
