/**
 * Policies, parsed and checked against the schema. A warning of Cedar counts as a mistake: a rule that
 * can never apply is a hole where it forbids, and letters that look like others are a trick.
 *
 * @packageDocumentation
 */
import type { Cedar, PolicyJson } from './cedar.ts'
import { loadCedar } from './cedar.ts'
import {
  describePlace,
  problemPlace,
  type PolicyPlace,
  type PolicyProblem,
  type PolicySource,
  toPolicyProblem,
} from './policy-problem.ts'
import { warnOf } from './policy-warnings.ts'
import { CEDAR_SCHEMA } from './schema.ts'

/** One permit or forbid. */
export interface AccessPolicy {
  /** Where it begins, as {@link describePlace} writes it: unique in its set. */
  readonly id: string
  /** Its `@id` with its place, or its place alone: for people. */
  readonly name: string
  readonly text: string
  readonly json: PolicyJson
}

/** What a check found. */
export interface PolicyInspection {
  /** All policies of the files that could be read. */
  readonly policies: readonly AccessPolicy[]
  /** Everything that is wrong, in the order of the files; empty: the policies can be used. */
  readonly problems: readonly PolicyProblem[]
  /** What can be used, and should be looked at. */
  readonly warnings: readonly PolicyProblem[]
}

/** A policy with where its text is from. */
interface Located {
  readonly policy: AccessPolicy
  readonly source: PolicySource
  readonly offset: number
}

const MAX_FILE_CHARACTERS = 64 * 1024
const MAX_POLICY_CHARACTERS = 8192
const MAX_POLICIES = 500

/** Parses policies and checks each against the schema; never throws because of what they say. */
export async function inspectPolicies(sources: readonly PolicySource[]): Promise<PolicyInspection> {
  const cedar = await loadCedar()
  const problems: PolicyProblem[] = []
  const located = sources.flatMap((source) => parseFile(cedar, source, problems))
  if (located.length > MAX_POLICIES) {
    const place = located[MAX_POLICIES]?.source ?? { file: '', text: '' }
    problems.push(problem(problemPlace(place, 0), `over ${MAX_POLICIES} policies`))
  } else problems.push(...validate(cedar, located))
  const warnings = located.flatMap(({ policy, source, offset }) => {
    const warning = warnOf(policy.json)
    return warning === undefined ? [] : [{ ...problemPlace(source, offset), ...warning }]
  })
  return { policies: located.map(({ policy }) => policy), problems, warnings }
}

/** The form in which Cedar takes a set: texts by id. */
export function toPolicySet(policies: readonly Pick<AccessPolicy, 'id' | 'text'>[]): {
  readonly staticPolicies: Record<string, string>
} {
  return { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) }
}

function problem(place: PolicyPlace, message: string, hint?: string): PolicyProblem {
  return { ...place, message, hint }
}

/**
 * What a file has too much of: Cedar takes seconds for deep conditions, and for long ones it runs out of memory
 * in a way that it does not recover from.
 */
function excessOf(text: string): string | undefined {
  if (text.length > MAX_FILE_CHARACTERS) return `over ${MAX_FILE_CHARACTERS} characters`
  const policies = text.split(';')
  if (policies.length > MAX_POLICIES + 1) return `over ${MAX_POLICIES} policies`
  const isLong = policies.some((policy) => policy.length > MAX_POLICY_CHARACTERS)
  return isLong ? `a policy of over ${MAX_POLICY_CHARACTERS} characters` : undefined
}

function parseFile(cedar: Cedar, source: PolicySource, problems: PolicyProblem[]): Located[] {
  const excess = excessOf(source.text)
  if (excess !== undefined) {
    const hint = 'split it into several files, and long conditions into several policies'
    problems.push(problem(problemPlace(source, 0), excess, hint))
    return []
  }
  const parts = cedar.policySetTextToParts(source.text)
  if (parts.type === 'failure') {
    problems.push(...parts.errors.map((error) => toPolicyProblem(source, error)))
    return []
  }
  for (const template of parts.policy_templates) {
    const place = problemPlace(source, Math.max(source.text.indexOf(template), 0))
    const hint = 'write the principal or resource instead of ?principal or ?resource'
    problems.push(problem(place, 'a template, which nothing here fills in', hint))
  }
  return locate(source, parts.policies).map(([offset, text]) => ({
    policy: toPolicy(cedar, source, offset, text),
    source,
    offset,
  }))
}

/** Finds where each policy begins. Cedar hands out the texts as they stand in the file, ordered by an id that it made: `policy0`, `policy1`, `policy10`… */
function locate(
  { text }: PolicySource,
  policies: readonly string[],
): readonly (readonly [offset: number, text: string])[] {
  const ids = policies.map((_, index) => `policy${index}`).sort()
  const inOrder = policies
    .map((policy, index) => ({ policy, number: Number(ids[index]?.slice('policy'.length)) }))
    .sort((left, right) => left.number - right.number)
  let from = 0
  return inOrder.map(({ policy }) => {
    const offset = Math.max(text.indexOf(policy, from), from)
    from = offset + policy.length
    return [offset, policy]
  })
}

function toPolicy(cedar: Cedar, source: PolicySource, offset: number, text: string): AccessPolicy {
  const id = describePlace(problemPlace(source, offset))
  const answer = cedar.policyToJson(text)
  if (answer.type === 'failure') throw new TypeError(`cedar can't read back ${id}`)
  const { json } = answer
  const said = json.annotations?.['id']
  return { id, name: said === undefined ? id : `"${said}" (${id})`, text, json }
}

function validate(cedar: Cedar, located: readonly Located[]): readonly PolicyProblem[] {
  const policies = toPolicySet(located.map(({ policy }) => policy))
  const answer = cedar.validate({ schema: CEDAR_SCHEMA, policies })
  if (answer.type === 'failure') {
    throw new TypeError(`cedar can't validate: ${answer.errors[0]?.message ?? 'no reason'}`)
  }
  const byId = new Map(located.map((one) => [one.policy.id, one]))
  return [...answer.validationErrors, ...answer.validationWarnings]
    .flatMap(({ policyId, error }) => {
      const found = byId.get(policyId)
      if (found === undefined) return []
      return [toPolicyProblem(found.source, error, found.policy.text, found.offset)]
    })
    .filter(isFirstOfItsKind)
}

/** A rule about a group of actions is reported once, not once for each action. */
function isFirstOfItsKind(
  one: PolicyProblem,
  index: number,
  all: readonly PolicyProblem[],
): boolean {
  return all.findIndex((other) => describePlace(other) === describePlace(one)) === index
}
