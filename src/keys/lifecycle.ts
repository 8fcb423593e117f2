/**
 * The lifecycle of a key version as one table, and what every transition is decided on. Rules:
 * docs/design/rotation.md.
 *
 * @packageDocumentation
 */
import { CountersignError, type CountersignErrorOptions } from '../errors.ts'
import type { Key, KeyVersion, VersionState } from './key.ts'
import type { KeyState } from './state.ts'

/** What can be done to a version that is there. */
export type KeyAction = 'publish' | 'activate' | 'relocate' | 'retire' | 'revoke' | 'destroy'

/** Who may start a transition: an operator all of them, the scheduler only those that plan for it. */
export type Actor = 'scheduler' | 'operator'

/** One row of the lifecycle: where an action leads, and who may start it. */
export interface Transition {
  readonly from: KeyState
  readonly action: KeyAction
  readonly to: KeyState
  readonly actors: readonly Actor[]
}

const ANY_ACTOR: readonly Actor[] = ['scheduler', 'operator']
const OPERATOR: readonly Actor[] = ['operator']

/**
 * Every transition there is; what is not here is refused. A version is created `pending`, by the
 * scheduler or an operator. Revoking what is revoked or destroyed moves `compromisedSince` back in time.
 * Nothing leads back: a version that has signed and stopped never signs again, since its window has an end.
 */
export const LIFECYCLE: readonly Transition[] = [
  { from: 'pending', action: 'publish', to: 'pending', actors: ANY_ACTOR },
  { from: 'pending', action: 'activate', to: 'active', actors: ANY_ACTOR },
  { from: 'pending', action: 'relocate', to: 'pending', actors: OPERATOR },
  { from: 'pending', action: 'retire', to: 'retired', actors: ANY_ACTOR },
  { from: 'pending', action: 'revoke', to: 'revoked', actors: OPERATOR },
  { from: 'active', action: 'relocate', to: 'active', actors: OPERATOR },
  { from: 'active', action: 'retire', to: 'retired', actors: OPERATOR },
  { from: 'active', action: 'revoke', to: 'revoked', actors: OPERATOR },
  { from: 'retired', action: 'revoke', to: 'revoked', actors: OPERATOR },
  { from: 'retired', action: 'destroy', to: 'destroyed', actors: OPERATOR },
  { from: 'revoked', action: 'revoke', to: 'revoked', actors: OPERATOR },
  { from: 'revoked', action: 'destroy', to: 'destroyed', actors: OPERATOR },
  { from: 'destroyed', action: 'revoke', to: 'destroyed', actors: OPERATOR },
]

/** One key with all its versions at one time: what a transition is decided on. */
export interface KeyMoment {
  readonly key: Key
  readonly versions: readonly KeyVersion[]
  readonly now: Date
}

/** Says that a rule shall be broken, and why; the reason goes into the log. */
export interface Force {
  readonly force?: boolean
  readonly reason?: string | undefined
}

/**
 * Finds the version an action is to be done to, and makes sure that the table has the action.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — the key has no version of this number;
 * ERR_TRANSITION_REFUSED — not in this state
 */
export function beginTransition(
  moment: KeyMoment,
  number: number,
  action: KeyAction,
): { readonly version: KeyVersion; readonly to: KeyState } {
  const { key, versions } = moment
  const version = versions.find((candidate) => candidate.version === number)
  if (version === undefined) {
    throw new CountersignError('ERR_KEY_NOT_FOUND', `${key.name} has no version ${number}`, {
      hint: 'list the versions of the key',
      reason: 'no-such-version',
      details: { key: key.name, version: number },
    })
  }
  const row = LIFECYCLE.find((entry) => entry.from === version.state && entry.action === action)
  if (row !== undefined) return { version, to: row.to }
  const allowed = LIFECYCLE.filter((entry) => entry.from === version.state)
  throw refuse(
    version,
    action,
    `it is ${version.state}`,
    `what can be done to a version that is ${version.state}: ${allowed.map((entry) => entry.action).join(', ')}`,
  )
}

/** Makes the error of a transition that a rule forbids. */
export function refuse(
  version: KeyVersion,
  action: KeyAction,
  why: string,
  remedy: string | Pick<CountersignErrorOptions, 'hint' | 'reason'>,
): CountersignError {
  const { key, version: number } = version
  const known = typeof remedy === 'string' ? { hint: remedy } : remedy
  return new CountersignError(
    'ERR_TRANSITION_REFUSED',
    `can't ${action} ${key}@${number}: ${why}`,
    { ...known, details: { key, version: number, action } },
  )
}

/** Makes the error of a transition that time alone will allow; it names the earliest time. */
export function tooEarly(
  version: KeyVersion,
  action: KeyAction,
  earliest: Date,
  hint: string,
): CountersignError {
  const { key, version: number } = version
  const time = earliest.toISOString()
  return new CountersignError(
    'ERR_TRANSITION_TOO_EARLY',
    `can't ${action} ${key}@${number} before ${time}`,
    { hint, details: { key, version: number, action, earliest: time } },
  )
}

/**
 * Whether a rule may be broken here.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — force without saying why
 */
export function isForced(version: KeyVersion, action: KeyAction, options: Force): boolean {
  if (options.force !== true) return false
  if ((options.reason ?? '').trim() !== '') return true
  throw refuse(version, action, 'force needs a reason', 'say why: it goes into the log')
}

/** The version of a key that signs, where one does. */
export function activeVersion(versions: readonly KeyVersion[]): KeyVersion | undefined {
  return versions.find(({ state }) => state === 'active')
}

/** The published version that is next to sign, the oldest if there are several. */
export function standbyOf(versions: readonly KeyVersion[]): KeyVersion | undefined {
  return versions
    .filter(({ state, publishedAt }) => state === 'pending' && publishedAt !== undefined)
    .toSorted((a, b) => a.version - b.version)[0]
}

/**
 * Whether a key has never signed. Its first version may sign as soon as it is published: there is no
 * token of the key anywhere, so nothing that worked can stop working.
 */
export function isUnused(versions: readonly KeyVersion[]): boolean {
  return versions.every(({ activatedAt }) => activatedAt === undefined)
}

/** What every version is before the first transition. */
export const UNTOUCHED: VersionState & Pick<KeyVersion, 'isForced' | 'revision'> = {
  state: 'pending',
  publishedAt: undefined,
  activatedAt: undefined,
  retiredAt: undefined,
  revokedAt: undefined,
  compromisedSince: undefined,
  destroyedAt: undefined,
  isForced: false,
  revision: 1,
}
