/**
 * One step of a change: what is done to a version, and what it is before and after. The transitions state it, so
 * that approvals and logs name what was done and nothing has to be inferred from a difference.
 *
 * @packageDocumentation
 */
import type { KeyVersion } from './key.ts'
import type { KeyAction } from './lifecycle.ts'
import type { VersionStep } from './protected-actions.ts'

/** What is done to a version: makes it, or one of the actions on one that is there. */
export type StepAction = KeyAction | 'create' | 'import'

/** A version before and after one step. */
export interface VersionChange {
  readonly action: StepAction
  /** Undefined: it is new. */
  readonly before: KeyVersion | undefined
  readonly after: KeyVersion
}

/** Changes some of a version; its revision is one higher. */
export function changeVersion(
  action: KeyAction,
  before: KeyVersion,
  changes: Partial<KeyVersion>,
): VersionChange {
  return { action, before, after: { ...before, ...changes, revision: before.revision + 1 } }
}

/** The step as approvals and logs name it. */
export function stepOf({ action, after }: VersionChange): VersionStep {
  const { isForced, publicKey, uri, version } = after
  return {
    version,
    action,
    isForced,
    ...(action === 'import' && { kid: publicKey.kid }),
    ...(action === 'relocate' && { uri }),
  }
}

/** The versions that a change leaves, in the order they were written; one may be there twice. */
export function versionsOf(changes: readonly VersionChange[]): readonly KeyVersion[] {
  return changes.map(({ after }) => after)
}
