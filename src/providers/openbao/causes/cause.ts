/** What a cause of OpenBao is recognized by, and what its cure is written with. */
import { quoteForShell } from '../../../formats/shell-word.ts'
import type { Cause } from '../../cause.ts'

/** One call, as far as an error about it needs to know. */
export interface BaoCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1/`: `transit/sign/release`. */
  readonly path: string
  /** Path of the secrets engine or of the login method. */
  readonly mount: string
  /** The key that the call is about, if any. */
  readonly key?: string | undefined
  readonly version?: number | undefined
  readonly namespace?: string | undefined
}

/** One cause of a call that failed. */
export interface BaoCause extends Cause<BaoCall> {
  /** Statuses of an answer that may mean it; absent: it is found in another way. */
  readonly statuses?: readonly number[]
  /** What the answer must state besides. */
  readonly text?: RegExp
  /** Whether the same call is likely to succeed in a moment. */
  readonly isBrief?: boolean
}

/** Statuses and texts of the server are staged in the tests with the real one. */
export const MEASURED_OPENBAO = 'measured with OpenBao 2.7.2'
/** A test starts one server, which is no standby node. */
export const STANDBY_PAGE = 'https://developer.hashicorp.com/vault/docs/concepts/ha'

const NESTED: readonly string[] = ['namespace', 'operator', 'secrets', 'token']

/** A command of OpenBao's own command line; `vault` takes the same. */
export function baoCommand(command: string, { namespace }: Pick<BaoCall, 'namespace'>): string {
  const [verb = '', ...rest] = command.split(' ')
  const scope = namespace === undefined ? [] : [`-namespace=${quoteForShell(namespace)}`]
  const subcommand = NESTED.includes(verb) ? rest.slice(0, 1) : []
  return ['bao', verb, ...subcommand, ...scope, ...rest.slice(subcommand.length)].join(' ')
}

/** The least that a policy must state for a call. */
export function policyFor({ method, path }: Pick<BaoCall, 'method' | 'path'>): string {
  const capability = { GET: 'read', POST: 'update', DELETE: 'delete' }[method]
  return `path "${path}" { capabilities = ["${capability}"] }`
}

/** Path of the key of a call. */
export function keyPath({ mount, key = 'KEY' }: Pick<BaoCall, 'mount' | 'key'>): string {
  return `${mount}/keys/${key}`
}
