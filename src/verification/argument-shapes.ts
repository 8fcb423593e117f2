/** What callers of the library pass to verification, who may have no types. */
import { assertMembers } from '../basics/arguments.ts'
import type { Policy } from './policy.ts'

/**
 * Makes sure that trust material is one.
 *
 * @throws TypeError — it is not
 */
export function assertTrust(trust: unknown): void {
  assertMembers('trust', trust, { keys: 'list', trustedRoot: 'object?', revokedLogs: 'list?' })
  for (const trusted of (trust as { readonly keys: readonly unknown[] }).keys) {
    assertMembers('trust.keys[]', trusted, { key: 'object', state: 'text' })
    const { key } = trusted as { readonly key: unknown }
    assertMembers('trust.keys[].key', key, { algorithm: 'object', spki: 'bytes', kid: 'text' })
  }
}

/**
 * Makes sure that a policy is one; of a part of a policy, its members.
 *
 * @throws TypeError — it is not
 */
export function assertPolicy(policy: unknown): void {
  assertMembers('policy', policy, {
    annotations: 'object?',
    threshold: 'number?',
    identity: 'object?',
    evidence: 'object?',
    source: 'object?',
  })
  const { predicateTypes, evidence, identity, source } = policy as Partial<Policy>
  if (predicateTypes !== 'any') assertMembers('policy', policy, { predicateTypes: 'texts?' })
  if (evidence !== undefined) {
    const members = { logEntries: 'number?', times: 'number', witnesses: 'object?' } as const
    assertMembers('policy.evidence', evidence, members)
  }
  if (identity !== undefined) {
    const members = { subjectAlternativeName: 'string', issuer: 'string' } as const
    assertMembers('policy.identity', identity, members)
  }
  if (source !== undefined) {
    const members = { repository: 'string?', workflow: 'string?', builders: 'texts' } as const
    assertMembers('policy.source', source, members)
  }
}

/**
 * Makes sure that the parts of a verification are what they must be.
 *
 * @throws TypeError — one is not
 */
export function assertContext(context: unknown): void {
  assertMembers('context', context, { now: 'date', logProofs: 'list?' })
  const { trust, policy } = context as { readonly trust: unknown; readonly policy: unknown }
  assertTrust(trust)
  assertPolicy(policy)
}

/**
 * Makes sure that what a token is verified with is what it must be.
 *
 * @throws TypeError — it is not
 */
export function assertTokenArguments(text: unknown, context: unknown): void {
  assertMembers('arguments', { text }, { text: 'string' })
  assertMembers('context', context, { keys: 'list', policy: 'object', now: 'date' })
  const { keys, policy } = context as {
    readonly keys: readonly unknown[]
    readonly policy: unknown
  }
  for (const named of keys) assertMembers('context.keys[]', named, { kid: 'string', key: 'object' })
  assertMembers('context.policy', policy, {
    issuer: 'text',
    audience: 'text',
    type: 'text',
    clockSkewSeconds: 'number?',
    requireKid: 'boolean?',
  })
}
