/**
 * What can be asked of the versions of a key, and what each comes to: the pure transitions of `keys`, with
 * what they need from the store.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { activeVersion, type KeyMoment, standbyOf } from '../keys/lifecycle.ts'
import { revoke, type RevocationMode } from '../keys/revocation.ts'
import { activate, destroy, publish, retire } from '../keys/transitions.ts'
import type { VersionChange } from '../keys/version-change.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Operator } from './context.ts'
import { lastSignatureAt } from './last-signature.ts'

/** One transition that is asked for; a version left out is the one that is plainly meant. */
export type Operation =
  | { readonly action: 'publish' | 'destroy'; readonly version: number }
  | ActivateOperation
  /** Default: the active version. */
  | {
      readonly action: 'retire'
      readonly version?: number | undefined
      readonly force?: boolean | undefined
    }
  /** Default: the active version. */
  | RevokeOperation

/** An activation that is asked for; default: of the standby. */
export interface ActivateOperation {
  readonly action: 'activate'
  readonly version?: number | undefined
  readonly force?: boolean | undefined
}

/** A revocation that is asked for. */
export interface RevokeOperation {
  readonly action: 'revoke'
  readonly version?: number | undefined
  readonly force?: boolean | undefined
  readonly mode: RevocationMode
  readonly compromisedSince?: Date | undefined
}

/** What is decided on, and where more can be read. */
export interface Given {
  readonly moment: KeyMoment
  readonly records: StoreTransaction
}

/**
 * Decides on an operation; changes nothing.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such version, or none is plainly meant;
 * ERR_TRANSITION_REFUSED, ERR_TRANSITION_TOO_EARLY — a rule forbids it
 */
export async function decideOn(
  operation: Operation,
  by: Operator,
  given: Given,
): Promise<readonly VersionChange[]> {
  const { moment } = given
  const number = targetOf(operation, moment)
  switch (operation.action) {
    case 'publish':
      return publish(moment, number)
    case 'activate':
      return activate(moment, number, forceOf(operation, by))
    case 'retire':
      return retire(moment, number, forceOf(operation, by))
    case 'revoke': {
      const { mode, compromisedSince } = operation
      return revoke(moment, number, { mode, compromisedSince, ...forceOf(operation, by) })
    }
    case 'destroy':
      return destroy(moment, number, await lastSignature(number, given))
  }
}

async function lastSignature(
  number: number,
  { moment, records }: Given,
): Promise<Date | undefined> {
  const version = moment.versions.find((each) => each.version === number)
  return version && lastSignatureAt(records.log, version.publicKey.kid)
}

/**
 * The number of the version an operation means.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — none is given, and none is plainly meant
 */
export function targetOf(operation: Operation, { key, versions }: KeyMoment): number {
  if (operation.version !== undefined) return operation.version
  const isActivation = operation.action === 'activate'
  const meant = isActivation ? standbyOf(versions) : activeVersion(versions)
  if (meant !== undefined) return meant.version
  const what = isActivation ? 'published version that waits' : 'active version'
  throw new CountersignError('ERR_KEY_NOT_FOUND', `"${key.name}" has no ${what}`, {
    hint: 'name the version',
    reason: 'version-not-named',
    details: { key: key.name },
  })
}

function forceOf(
  { force }: { readonly force?: boolean | undefined },
  { reason }: Operator,
): { readonly force: boolean; readonly reason: string | undefined } {
  return { force: force === true, reason }
}
