/** What holds in every session with the server, set once it stands: poolers refuse it in the first packet. */
import type { ClientBase } from 'pg'
import { storeUnavailable } from '../unavailable.ts'
import { promisePostgres } from './failures.ts'
import { SCHEMA } from './schema.ts'

/** What a session may take, and where. */
export interface SessionSettings {
  readonly timeoutMs: number
  /** After which the server ends a transaction that does nothing. */
  readonly idleMs: number
  /** Whether a server that takes no writes is refused. */
  readonly isPrimaryDemanded: boolean
}

/**
 * Prepares a new session: it searches our own schema alone, every wait is bounded, and a commit is answered once it is
 * durable, whatever the defaults of server, database and role say.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the server takes no writes, or does not answer
 */
export async function prepareSession(
  client: ClientBase,
  { idleMs, isPrimaryDemanded, timeoutMs }: SessionSettings,
): Promise<void> {
  const isReadOnly = await promisePostgres(async () => {
    // First, so that nothing after it is looked up elsewhere; pg_temp last, since it would come first where it is not named.
    await client.query(`set search_path to ${SCHEMA}, pg_temp;
      set statement_timeout to ${timeoutMs};
      set lock_timeout to ${timeoutMs};
      set idle_in_transaction_session_timeout to ${idleMs}`)
    const { rows } = await client.query<{ commit: string; read_only: string }>(STATE)
    const [state] = rows
    if (!DURABLE.has(state?.commit)) await client.query('set synchronous_commit to on')
    return state?.read_only === 'on'
  })
  if (isReadOnly && isPrimaryDemanded) {
    throw storeUnavailable('no server of its address takes writes', {
      hint: 'check which server is the primary, and that the address names it',
    })
  }
}

/** Settings of synchronous_commit under which an answered commit survives the server, and its standby where it has one. */
const DURABLE: ReadonlySet<string | undefined> = new Set(['on', 'remote_apply'])

const STATE = `select pg_catalog.current_setting('synchronous_commit') as commit,
  pg_catalog.current_setting('transaction_read_only') as read_only`
