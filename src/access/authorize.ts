/** Decides by Cedar policies what a caller may do. What no policy permits is denied. */
import { createHash } from 'node:crypto'
import { nextTurn } from '../crypto/yield-to-event-loop.ts'
import { CountersignError } from '../errors.ts'
import {
  type AccessRequest,
  type AccessScope,
  describeRequest,
  toNeutralRequest,
} from './action.ts'
import type { Caller } from './caller.ts'
import { type Cedar, loadCedar } from './cedar.ts'
import { aboutCallers, withoutContext } from './coarse-policies.ts'
import { DecisionCache } from './decision-cache.ts'
import { type Evaluation, toEvaluations, toFacts } from './evaluation.ts'
import { collectNames } from './expression.ts'
import { type MissedPermit, toPermitSteps } from './missed-permit.ts'
import { invalidPolicies, type PolicySource } from './policy-problem.ts'
import { inspectPolicies, type AccessPolicy, toPolicySet } from './policy-set.ts'
import { CEDAR_SCHEMA } from './schema.ts'

/** A decision and all that can be said about it; for the log and the operator, never for the caller. */
export interface Decision {
  readonly isAllowed: boolean
  /** Names of the policies that decided: those that permit, or those that forbid; none where nothing permits. */
  readonly policies: readonly string[]
  /** The decision in one line. */
  readonly reason: string
  /** Where nothing permits: permits for the action and the key, and what each was missing. */
  readonly missed: readonly MissedPermit[]
}

/** Decides about requests. Every method is a pure function of its arguments and the policies. */
export interface Authorizer {
  /**
   * Lets an allowed request pass. The reason of a denial is in the error's `cause`, for the log; message
   * and hint are for the caller and do not tell it.
   *
   * @throws {@link CountersignError} ERR_NOT_ALLOWED
   */
  authorize(caller: Caller, request: AccessRequest): void
  /**
   * The same, giving others their turn between the subjects of a request that has many.
   *
   * @throws {@link CountersignError} ERR_NOT_ALLOWED
   */
  authorizeInTurns(caller: Caller, request: AccessRequest): Promise<void>
  /** Decides and explains; the same decision {@link Authorizer.authorize} makes. */
  explain(caller: Caller, request: AccessRequest): Decision
  /**
   * Lets a request pass that policies may permit within one of some scopes, by caller, action and key alone:
   * before its body is read. What {@link Authorizer.authorize} lets pass always passes here.
   *
   * @throws {@link CountersignError} ERR_NOT_ALLOWED — no such request of this caller is permitted
   */
  readonly admit: (caller: Caller, scopes: readonly AccessScope[]) => void
  /** Whether some policy may permit this caller something; false: everything is denied. */
  readonly mayBePermitted: (caller: Caller) => boolean
}

/** How an authorizer works. */
export interface AuthorizerOptions {
  /** Decisions that are remembered; 0 for none; default 2000. */
  readonly cachedDecisions?: number | undefined
}

const MAX_CACHE_KEY = 16_384

/**
 * Makes an authorizer of policies; none at all deny everything.
 *
 * @throws {@link CountersignError} ERR_POLICY_INVALID — a policy does not parse or does not fit the
 * schema; the message names file, line and column
 */
export async function createAuthorizer(
  sources: readonly PolicySource[],
  options: AuthorizerOptions = {},
): Promise<Authorizer> {
  const { policies, problems } = await inspectPolicies(sources)
  const [first, ...rest] = problems
  if (first !== undefined) throw invalidPolicies([first, ...rest])
  const cedar = await loadCedar()
  const names = collectNames(policies.map(({ json }) => json.conditions))
  const decideBy = (set: readonly AccessPolicy[], explain: Explain): Decide =>
    remembered(createDecider(cedar, set, explain), options)
  const coarse = withoutContext(cedar, policies)
  // Made before the first denial, which would hold the loop for it.
  const decide = decideBy(policies, createExplainer(cedar, policies))
  const decideCoarsely = decideBy(coarse, createExplainer(cedar, coarse))
  const decideByCaller = decideBy(aboutCallers(cedar, policies), () => [])

  const explain = (caller: Caller, request: AccessRequest, by: Decide = decide): Decision => {
    let decision = NOTHING_ASKED
    for (const evaluation of toEvaluations(caller, request, names)) {
      decision = by(evaluation)
      if (!decision.isAllowed) break
    }
    return aboutRequest(caller, request, decision)
  }
  const assertAllowed = (request: AccessRequest, { isAllowed, reason }: Decision): void => {
    if (!isAllowed) throw notAllowed(request, reason)
  }
  return {
    explain: (caller, request) => explain(caller, request),
    authorize: (caller, request) => {
      assertAllowed(request, explain(caller, request))
    },
    authorizeInTurns: async (caller, request) => {
      let decision = NOTHING_ASKED
      for (const [place, evaluation] of toEvaluations(caller, request, names).entries()) {
        if (place % EVALUATIONS_A_TURN === EVALUATIONS_A_TURN - 1) await nextTurn()
        decision = decide(evaluation)
        if (!decision.isAllowed) break
      }
      assertAllowed(request, aboutRequest(caller, request, decision))
    },
    admit: (caller, scopes) => {
      const requests = scopes.map(toNeutralRequest)
      const [denied] = requests
      if (requests.some((request) => explain(caller, request, decideCoarsely).isAllowed)) return
      if (denied === undefined) throw new TypeError('a request without a scope')
      assertAllowed(denied, explain(caller, denied, decideCoarsely))
    },
    mayBePermitted: (caller) => explain(caller, ANY_REQUEST, decideByCaller).isAllowed,
  }
}

function aboutRequest(caller: Caller, request: AccessRequest, decision: Decision): Decision {
  const who = `caller "${caller.subject}" of ${caller.issuer}`
  return { ...decision, reason: `${describeRequest(request)} for ${who}: ${decision.reason}` }
}

/** Each takes up to a third of a millisecond. */
const EVALUATIONS_A_TURN = 16

/** Action and resource are in no policy about callers alone; Cedar wants some. */
const ANY_REQUEST: AccessRequest = {
  action: 'readKeys',
  key: { name: '', use: 'artifact', algorithm: 'ES256' },
}

type Decide = (evaluation: Evaluation) => Decision
/** Says what permits were missing, of an evaluation that none permitted. */
type Explain = (evaluation: Evaluation) => readonly MissedPermit[]

/** Remembers decisions; an evaluation is all that one depends on. */
function remembered(decide: Decide, { cachedDecisions = 2000 }: AuthorizerOptions): Decide {
  const cache = new DecisionCache<Decision>({
    entries: cachedDecisions,
    keyCharacters: MAX_CACHE_KEY,
  })
  return (evaluation) => cache.get(JSON.stringify(evaluation), () => decide(evaluation))
}

/** A signature without subjects: every one of them would be permitted although no policy permits anything. */
const NOTHING_ASKED: Decision = {
  isAllowed: false,
  policies: [],
  reason: 'the request names nothing to decide about',
  missed: [],
}

function notAllowed(request: AccessRequest, reason: string): CountersignError {
  return new CountersignError('ERR_NOT_ALLOWED', `${describeRequest(request)} is not allowed`, {
    hint: 'the reason is in the log of the service; who runs it can permit this by a policy',
    details: { action: request.action },
    cause: new Error(reason),
  })
}

/** Loads policies into the engine, by a name that their content gives, and answers how to ask them. */
function createDecider(cedar: Cedar, policies: readonly AccessPolicy[], explain: Explain): Decide {
  const byId = new Map(policies.map((policy) => [policy.id, policy]))
  const namesOf = (ids: readonly string[]): readonly string[] =>
    ids.map((id) => byId.get(id)?.name ?? id).sort()
  const ask = prepare(cedar, toPolicySet(policies))

  return (evaluation) => {
    const { decision, diagnostics } = ask(evaluation)
    // Cedar skips a policy that fails to evaluate; a skipped forbid must not turn into a permission.
    const broken = diagnostics.errors.filter(
      ({ policyId }) => byId.get(policyId)?.json.effect !== 'permit',
    )
    if (broken.length > 0) {
      const forbids = namesOf(broken.map(({ policyId }) => policyId))
      return denied(forbids, `can't tell whether ${forbids.join(', ')} forbids it`)
    }
    const deciding = namesOf(diagnostics.reason)
    if (decision === 'allow') {
      const reason = `permitted by ${deciding.join(', ')}`
      return { isAllowed: true, policies: deciding, reason, missed: [] }
    }
    if (deciding.length > 0) return denied(deciding, `forbidden by ${deciding.join(', ')}`)
    const missed = explain(evaluation)
    return denied([], describeMissed(missed), missed)
  }
}

function denied(
  policies: readonly string[],
  reason: string,
  missed: readonly MissedPermit[] = [],
): Decision {
  return { isAllowed: false, policies, reason, missed }
}

const MAX_TOLD = 3

function describeMissed(missed: readonly MissedPermit[]): string {
  const told = missed.slice(0, MAX_TOLD).map(({ policy, condition, facts }) => {
    const got = facts.length === 0 ? '' : `; ${facts.join(', ')}`
    return `${policy} wants ${condition}${got}`
  })
  const more = missed.length > MAX_TOLD ? [`${missed.length - MAX_TOLD} more come close`] : []
  if (told.length === 0) return 'no policy permits this action on this key'
  return `no policy permits it: ${[...told, ...more].join(' | ')}`
}

function createExplainer(cedar: Cedar, policies: readonly AccessPolicy[]): Explain {
  const steps = toPermitSteps(cedar, policies)
  const ask = prepare(cedar, { staticPolicies: { ...steps.policies } })
  return (evaluation) => steps.toMissed(ask(evaluation).diagnostics.reason, toFacts(evaluation))
}

type Prepared = Parameters<Cedar['preparsePolicySet']>[1]
type Answer = Extract<ReturnType<Cedar['statefulIsAuthorized']>, { type: 'success' }>['response']

/** Sets stay in the engine for good, so the same set always has the same name. */
function prepare(cedar: Cedar, set: Prepared): (evaluation: Evaluation) => Answer {
  const preparsedPolicySetId = createHash('sha256').update(JSON.stringify(set)).digest('hex')
  const preparsedSchemaName = 'countersign'
  assertParsed(cedar.preparseSchema(preparsedSchemaName, CEDAR_SCHEMA))
  assertParsed(cedar.preparsePolicySet(preparsedPolicySetId, set))
  return (evaluation) => {
    const answer = cedar.statefulIsAuthorized({
      ...evaluation,
      preparsedPolicySetId,
      preparsedSchemaName,
      validateRequest: true,
    })
    if (answer.type === 'success') return answer.response
    throw new TypeError(`cedar can't decide: ${answer.errors[0]?.message ?? 'no reason'}`)
  }
}

function assertParsed(answer: ReturnType<Cedar['preparseSchema']>): void {
  if (answer.type === 'success') return
  throw new TypeError(`cedar does not take it: ${answer.errors[0]?.message ?? 'no reason'}`)
}
