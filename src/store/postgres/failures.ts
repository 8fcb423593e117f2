import { DatabaseError } from 'pg'
import { CountersignError } from '../../errors.ts'
import { storeUnavailable } from '../unavailable.ts'

const TRY_AGAIN = 'it is safe to try again'

/**
 * SQLSTATE codes and classes (PostgreSQL manual, appendix A) that are about the server, not about the
 * statement; the first that a code starts with counts.
 */
const OUTAGES: readonly (readonly [state: string, why: string, hint: string])[] = [
  ['08', 'the connection failed', TRY_AGAIN],
  ['25006', 'the server is a read-only standby', 'point the URL at the primary'],
  ['25P03', 'a transaction was idle for too long', TRY_AGAIN],
  ['28', 'the server refuses the user or its password', 'check user and password of the store'],
  ['3D', 'there is no such database', 'create it with createdb, or correct the URL of the store'],
  ['40001', 'transactions were in each other’s way', TRY_AGAIN],
  ['40P01', 'transactions were in each other’s way', TRY_AGAIN],
  [
    '42501',
    'its user lacks a privilege',
    'make the user owner of the schema countersign; see docs/runbooks/database.md',
  ],
  ['53100', 'the disk of the server is full', 'make room; nothing was lost'],
  ['53300', 'the server has too many connections', 'raise max_connections, or run fewer replicas'],
  ['53', 'the server lacks memory or another resource', TRY_AGAIN],
  ['55P03', 'others held a lock for too long', TRY_AGAIN],
  ['57014', 'a statement took too long', TRY_AGAIN],
  ['57P', 'the server is stopping or starting', TRY_AGAIN],
  ['58', 'the server can not use its own files', 'look at the log of the server'],
]

/** The SQLSTATE of what pg threw; undefined where no server said anything. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

/** Turns what pg throws into ERR_STORE_UNAVAILABLE where it is an outage; a bug stays as it is. */
export function toPostgresFailure(error: unknown): unknown {
  if (CountersignError.is(error)) return error
  const state = sqlState(error)
  if (state !== undefined) {
    const [, why, hint] = OUTAGES.find(([prefix]) => state.startsWith(prefix)) ?? []
    return why === undefined || hint === undefined
      ? error
      : storeUnavailable(why, { hint, cause: error })
  }
  // Wrong arguments are bugs; all else that pg throws by itself is about the connection.
  if (error instanceof TypeError || error instanceof RangeError) return error
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return storeUnavailable(`the server can not be reached${code}`, {
    hint: 'check that it runs, and host, port and sslmode of the URL of the store',
    cause: error,
  })
}

/** Waits for pg, with its failures as {@link toPostgresFailure} has them. */
export async function promisePostgres<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw toPostgresFailure(error)
  }
}

/** A primary that was demoted stays up and answers; its address may lead to the new one already. */
const READ_ONLY = '25006'

/** Whether a connection can be used again after an error: the server itself said what is wrong, and stayed. */
export function leavesConnectionUsable(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity !== 'FATAL' && !isDemotion(error)
}

/** Whether a server refused a write since it is no longer the primary. */
export function isDemotion(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === READ_ONLY
}

/** Whether no connection of a pool came free in time: no server is the reason. */
export function isPoolBusy(error: unknown): boolean {
  const { cause } = CountersignError.is(error) ? error : {}
  return cause instanceof Error && cause.message === 'timeout exceeded when trying to connect'
}
