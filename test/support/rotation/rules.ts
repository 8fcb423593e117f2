/**
 * The rules under test as one value, so that a test can break one of them and see the model notice.
 *
 * @packageDocumentation
 */
import {
  destroyableAt,
  leavesJwksAt,
  ripeAt,
  signable,
  signsUntil,
} from '../../../src/keys/deadlines.ts'
import { dueActions } from '../../../src/keys/due-actions.ts'
import type { Key, RotationPolicy } from '../../../src/keys/key.ts'
import type { KeyMoment } from '../../../src/keys/lifecycle.ts'
import {
  publishJwks,
  publishKeyHistory,
  type PublishedState,
} from '../../../src/keys/publication.ts'
import { revoke } from '../../../src/keys/revocation.ts'
import { activate, destroy } from '../../../src/keys/transitions.ts'

/** What decides in a {@link World}. */
export interface Rules {
  readonly activate: typeof activate
  readonly revoke: typeof revoke
  readonly destroy: typeof destroy
  readonly dueActions: typeof dueActions
  readonly signable: typeof signable
  readonly publishJwks: typeof publishJwks
  readonly publishKeyHistory: typeof publishKeyHistory
}

/** The rules as they are. */
export const RULES: Rules = {
  activate,
  revoke,
  destroy,
  dueActions,
  signable,
  publishJwks,
  publishKeyHistory,
}

/** Times at which something may change by itself: where mistakes hide. */
export const DEADLINES: readonly (typeof ripeAt)[] = [
  ripeAt,
  signsUntil,
  leavesJwksAt,
  destroyableAt,
]

type Change = Partial<RotationPolicy>

const within = (moment: KeyMoment, change: Change): KeyMoment => ({
  ...moment,
  key: { ...moment.key, policy: { ...moment.key.policy, ...change } },
})

/** Rules whose activation forgets to wait for some quantity. */
function hasty(change: Change): Rules {
  return {
    ...RULES,
    activate: (moment, number, options) => activate(within(moment, change), number, options),
  }
}

/** Rules whose JWKS forgets some quantity when it drops a retired version. */
function forgetful(change: Change): Rules {
  const shorter = (state: PublishedState): PublishedState => ({
    ...state,
    keys: state.keys.map((key) => ({ ...key, policy: { ...key.policy, ...change } })),
  })
  return { ...RULES, publishJwks: (state, now) => publishJwks(shorter(state), now) }
}

/** A key that forgets what it waited for before. */
const forgetting = (key: Key): Key => ({ ...key, formerPolicies: [] })

/** Rules that are wrong in one way each, by what they get wrong. */
export const BROKEN_RULES: Readonly<Record<string, Rules>> = {
  'activation without V': hasty({ verifierCacheSeconds: 0 }),
  'activation without M': hasty({ maxAgeSeconds: 0 }),
  'activation without R': hasty({ replicaLagSeconds: 0 }),
  'activation without S': hasty({ clockSkewSeconds: 0 }),
  'retention without L': forgetful({ signerLagSeconds: 0 }),
  'retention without T': forgetful({ maxTokenLifetimeSeconds: 0 }),
  'retention without W': forgetful({ verifierLeewaySeconds: 0 }),
  'retention without S': forgetful({ clockSkewSeconds: 0 }),
  'activation by the new policy alone': {
    ...RULES,
    activate: (moment, number, options) =>
      activate({ ...moment, key: forgetting(moment.key) }, number, options),
  },
  'retention by the new policy alone': {
    ...RULES,
    publishJwks: (state, now) => publishJwks({ ...state, keys: state.keys.map(forgetting) }, now),
  },
  'windows by the new policy alone': {
    ...RULES,
    publishKeyHistory: (state) => publishKeyHistory({ ...state, keys: state.keys.map(forgetting) }),
  },
  'the largest max-age of several keys': {
    ...RULES,
    publishJwks: (state, now) => ({
      ...publishJwks(state, now),
      maxAgeSeconds: Math.max(...state.keys.map(({ policy }) => policy.maxAgeSeconds)),
    }),
  },
  'two active versions': {
    ...RULES,
    activate: (moment, number, options) => activate(moment, number, options).slice(-1),
  },
  'revocation that only retires': {
    ...RULES,
    revoke: (moment, number, options) =>
      revoke(moment, number, options).map((change) => {
        const { after } = change
        const { retiredAt = moment.now } = after
        return after.state === 'revoked'
          ? { ...change, after: { ...after, state: 'retired', retiredAt } }
          : change
      }),
  },
  'revocation that leaves nothing': {
    ...RULES,
    revoke: (moment, number, options) =>
      revoke(moment, number, { ...options, force: true, reason: 'none' }),
  },
  'signing whatever the state': { ...RULES, signable: () => undefined },
  'signing before the window': {
    ...RULES,
    signable: (version, key, now) =>
      version.state === 'active' ? undefined : signable(version, key, now),
  },
  'destruction while tokens live': {
    ...RULES,
    destroy: (moment, number, last) =>
      destroy({ ...moment, now: new Date(moment.now.getTime() + 1e6) }, number, last),
  },
  'a compromise that destruction hides': {
    ...RULES,
    publishKeyHistory: (state) => {
      const history = publishKeyHistory(state)
      const destroyed = new Set(
        state.versions
          .filter(({ destroyedAt }) => destroyedAt !== undefined)
          .map(({ publicKey }) => publicKey.kid),
      )
      return {
        ...history,
        versions: history.versions.map((version) =>
          destroyed.has(version.key.kid) ? { ...version, state: 'destroyed' } : version,
        ),
      }
    },
  },
}
