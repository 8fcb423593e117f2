/** What modules and tokens fail with, and the ways a cause is recognized by it. */
import { shellWord } from '../../../basics/shell-word.ts'
import type { Cause } from '../../cause.ts'

/** What a cure is written with: what the key reference states, and what the failed call found out. */
export interface TokenFacts {
  readonly modulePath?: string | undefined
  readonly token?: string | undefined
  /** The hint of the error: candidates, for instance. */
  readonly hint?: string | undefined
  /** Value that the module returned, in hexadecimal. */
  readonly returnValue?: string | undefined
}

/** An error, reduced to what causes are recognized by. */
export interface TokenFailure {
  /** The cause that the place of the error knows, if it does. */
  readonly cause: string
  /** CK_RV; 0 where no call of the module failed. */
  readonly value: number
  readonly message: string
  /** Whether the file of the module is for another kind of machine. */
  readonly isForeign: boolean
}

/** One cause of a failure. */
export interface TokenCause extends Cause<TokenFacts> {
  /** Whether a failure means it; the first cause of the table that matches is taken. */
  readonly matches: (failure: TokenFailure, facts: TokenFacts) => boolean
}

/** Matches errors whose place named this cause. */
export function site(id: string): TokenCause['matches'] {
  return ({ cause }) => cause === id
}

/** Matches calls of a module by the value they returned. */
export function returned(...values: readonly number[]): TokenCause['matches'] {
  return ({ value }) => values.includes(value)
}

/** Whether a module is of a product, by the name of its file. */
export function isModuleOf(product: RegExp): TokenCause['matches'] {
  return (_failure, { modulePath = '' }) => product.test(modulePath.replace(/.*\//, ''))
}

/** Adds the module of the facts, and their token, to a pkcs11-tool command. */
export function pkcs11Tool(
  command: `pkcs11-tool ${string}`,
  { modulePath, token }: TokenFacts,
): string {
  const module = modulePath === undefined ? 'MODULE' : shellWord(modulePath)
  const slot = token === undefined ? '' : ` --token-label ${shellWord(token)}`
  return `${command} --module ${module}${slot}`
}

/** Return values are those of the specification. */
export const SPECIFICATION =
  'https://docs.oasis-open.org/pkcs11/pkcs11-spec/v3.1/os/pkcs11-spec-v3.1-os.html'
/** What a dynamic linker answers is in no page that states all of it. */
export const MEASURED_WITH_SOFTHSM = 'measured with pkcs11js 3, glibc 2.36 and SoftHSM 2.6.1'
