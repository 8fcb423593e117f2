/** What a change does to the versions of a key, step by step, as the log names it. */
import type { KeyVersion } from '../keys/key.ts'
import type { VersionStep } from '../keys/protected-actions.ts'

/** A version before and after one step; undefined: it is new. */
export type VersionChange = readonly [before: KeyVersion | undefined, after: KeyVersion]

/** Pairs each version of a change with what it was; one may change twice. */
export function pairChanges(
  versions: readonly KeyVersion[],
  changed: readonly KeyVersion[],
): readonly VersionChange[] {
  const states = new Map(versions.map((version) => [version.version, version]))
  return changed.map((version) => {
    const before = states.get(version.version)
    states.set(version.version, version)
    return [before, version]
  })
}

/** Names the step. */
export function stepOf([before, after]: VersionChange): VersionStep {
  const { isForced, publicKey, version } = after
  const action = before === undefined ? originOf(after) : actionBetween(before, after)
  return { version, action, isForced, ...(action === 'import' && { kid: publicKey.kid }) }
}

function originOf({ origin }: KeyVersion): string {
  return origin === 'external' ? 'import' : 'create'
}

/** Each state is entered by one action; only the two that stay in a state tell more. */
function actionBetween(before: KeyVersion, after: KeyVersion): string {
  if (before.compromisedSince?.getTime() !== after.compromisedSince?.getTime()) return 'revoke'
  switch (after.state) {
    case 'pending':
      return 'publish'
    case 'active':
      return 'activate'
    case 'retired':
      return 'retire'
    case 'revoked':
      return 'revoke'
    case 'destroyed':
      return 'destroy'
  }
}
