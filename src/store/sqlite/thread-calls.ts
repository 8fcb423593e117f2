/**
 * What crosses between a thread that has a connection and the one that uses it. Calls are answered in
 * the order in which they were made.
 *
 * @packageDocumentation
 */
import type { ConnectionSettings, SqlStatement, StatementResult } from './connection.ts'

/** A call; `open` comes first, and nothing after `close`. */
export type ThreadCall =
  | { readonly method: 'open'; readonly path: string; readonly settings: ConnectionSettings }
  | { readonly method: 'run'; readonly statements: readonly SqlStatement[] }
  | { readonly method: 'rollback' | 'close' }

/** An answer. Of an error only these members get across, whatever it had. */
export type ThreadAnswer =
  | { readonly result: StatementResult }
  | { readonly message: string; readonly errcode: number | undefined }
