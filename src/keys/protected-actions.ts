/**
 * What a change does to the versions of a key, and which actions that amounts to: approvals are asked for
 * by effect, whatever command or route brings the change about.
 *
 * @packageDocumentation
 */

/** Actions that can be made to need approval; `forceActivateKey`: an activation that overrides a rule of rotation. */
export const APPROVABLE_ACTIONS = [
  'createKey',
  'importKey',
  'rotateKey',
  'activateKey',
  'relocateKey',
  'retireKey',
  'revokeKey',
  'destroyKey',
  'forceActivateKey',
] as const

/** One of {@link APPROVABLE_ACTIONS}. */
export type ApprovableAction = (typeof APPROVABLE_ACTIONS)[number]

/** One step of a change, as the log names it. */
export interface VersionStep {
  readonly version: number
  /** An action of the lifecycle, `create`, `import` or `cancel-destruction`. */
  readonly action: string
  /** Whether an activation overrides a rule of rotation. */
  readonly isForced: boolean
  /** Of a key pair that is imported: its `kid`. */
  readonly kid?: string | undefined
  /** Of a version that is relocated: where its key pair is from now on. */
  readonly uri?: string | undefined
}

/**
 * The actions that the steps of one change amount to. An activation is what `activateKey` and `rotateKey`
 * both ask for; the retirement that comes with one is part of it.
 */
export function actionsOf(steps: readonly VersionStep[]): ReadonlySet<ApprovableAction> {
  const isTakeover = steps.some(({ action }) => action === 'activate')
  return new Set(steps.flatMap((step) => actionsOfStep(step, isTakeover)))
}

function actionsOfStep(
  { action, isForced }: VersionStep,
  isTakeover: boolean,
): readonly ApprovableAction[] {
  switch (action) {
    case 'create':
      return ['createKey']
    case 'import':
      return ['importKey']
    case 'activate':
      return ['activateKey', 'rotateKey', ...(isForced ? (['forceActivateKey'] as const) : [])]
    case 'relocate':
      return ['relocateKey']
    case 'retire':
      return isTakeover ? [] : ['retireKey']
    case 'revoke':
      return ['revokeKey']
    case 'destroy':
    case 'cancel-destruction':
      return ['destroyKey']
    default:
      return []
  }
}

/** Says what a step does: what approvers agree to. Whether it is early changes with time alone, so it is left out. */
export function describeStep({ action, version, kid, uri }: VersionStep): string {
  return [action, version, kid, uri].filter((part) => part !== undefined).join(' ')
}
