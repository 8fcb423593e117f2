/**
 * The rules of a key: its rotation policy, and what its tokens may say. Those in the store count for all
 * replicas; each has them in its own configuration too, and compares.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import { type JsonValue, parseJson, readObject } from '../formats/json.ts'
import type { Key } from '../keys/key.ts'
import { isSamePolicy, isStricterPolicy } from '../keys/policy.ts'
import { sortMembers } from '../log/entry-caller.ts'
import { areStricterRules, type ClaimRules } from '../signing/claim-rules.ts'
import { DEFAULT_TOKEN_TYPE, type TokenRules } from '../signing/issue-token.ts'

/** What a key says of its rules. */
export type RuledKey = Pick<Key, 'policy' | 'rules'>

/** Writes what tokens may say in one form: the same text where it means the same. */
export function serializeTokenRules({ type, claims }: Pick<TokenRules, 'type' | 'claims'>): string {
  const { allowed, forbidden, forced, required } = claims
  const rules = {
    type: type ?? DEFAULT_TOKEN_TYPE,
    allowed: allowed === 'any' ? allowed : toSet(allowed),
    forbidden: toSet(forbidden),
    forced,
    required: toSet(required),
  }
  return JSON.stringify(sortMembers(rules))
}

function toSet(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted()
}

/** Whether two keys have the same rules. */
export function isSameRules(one: RuledKey, other: RuledKey): boolean {
  return one.rules === other.rules && isSamePolicy(one.policy, other.policy)
}

/**
 * Whether rules permit nothing that others do not: what is signed by them keeps the others too.
 *
 * @throws {@link CountersignError} ERR_INTERNAL — stored rules can't be read: another program wrote them
 */
export function isStricter(next: RuledKey, before: RuledKey): boolean {
  if (!isStricterPolicy(next.policy, before.policy)) return false
  if (next.rules === before.rules) return true
  if (next.rules === undefined || before.rules === undefined) return false
  const [after, former] = [parseTokenRules(next.rules), parseTokenRules(before.rules)]
  return after.type === former.type && areStricterRules(after.claims, former.claims)
}

/** SHA-256 of the rules, hex: of policy and token rules as JSON, with the members of each object by name. */
export function rulesSha256({ policy, rules }: RuledKey): string {
  const quantities = Object.entries(policy).filter(([, value]) => value !== undefined)
  const tokens = rules === undefined ? null : parseJson(rules)
  const text = JSON.stringify(sortMembers({ policy: Object.fromEntries(quantities), tokens }))
  return createHash('sha256').update(text).digest('hex')
}

/** Finds keys that are configured with other rules than those that count, each with the error of using it. */
export function findDifferent(
  stored: readonly Key[],
  configured: readonly Key[],
): readonly { readonly name: string; readonly error: CountersignError }[] {
  return configured.flatMap((own) => {
    const { name } = own
    const counts = stored.find((key) => key.name === name)
    return counts === undefined || isSameRules(counts, own) ? [] : [{ name, error: differ(name) }]
  })
}

/**
 * Refuses a key that is configured with other rules than those that count.
 *
 * @throws {@link CountersignError} ERR_KEY_RULES_DIFFER
 */
export function assertSameRules(stored: Key, configured: Key): void {
  if (!isSameRules(stored, configured)) throw differ(stored.name)
}

function differ(name: string): CountersignError {
  const message = `the key "${name}" can't sign here: this replica has other rules for it than the store`
  return new CountersignError('ERR_KEY_RULES_DIFFER', message, {
    hint: `give keys.${name} of all replicas the same rules; where those of this one are to count, accept them at its start`,
    reason: 'key-rules-differ',
    details: { key: name },
  })
}

function parseTokenRules(text: string): { readonly type: string; readonly claims: ClaimRules } {
  const reader = readObject(parseJson(text), malformed, 'rules')
  const names = (member: string): readonly string[] => toNames(reader.value(member))
  const claims: ClaimRules = {
    forced: reader.object('forced').json,
    allowed: reader.value('allowed') === 'any' ? 'any' : names('allowed'),
    forbidden: names('forbidden'),
    required: names('required'),
  }
  return { type: reader.text('type'), claims }
}

function toNames(value: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(value)) throw malformed('a list of claims is missing')
  return value.map((name: JsonValue) => {
    if (typeof name !== 'string') throw malformed('the name of a claim is not a text')
    return name
  })
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_INTERNAL', `the stored rules of a key can't be read: ${why}`)
}
