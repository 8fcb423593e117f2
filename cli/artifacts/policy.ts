/** What a command line demands of signatures. */
import { resolvePredicateType, SIGN_PREDICATE_TYPE } from '../../src/formats/predicates/types.ts'
import { describeIdentity, type Policy } from '../../src/verification/policy.ts'
import type { WitnessDemand } from '../../src/formats/witnesses.ts'
import { demandTypes, describeSource, parseSource } from '../../src/verification/source.ts'
import type { TrustFlags } from '../trust/options.ts'
import { describeWitnesses } from '../log/witness-keys.ts'

/** Options that say what is demanded. */
export interface PolicyFlags extends TrustFlags {
  /** Predicate types as URIs, or `any`. */
  readonly type?: readonly string[] | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly threshold?: number | undefined
  readonly requireTimestamps?: number | undefined
  readonly requireLog?: number | undefined
  readonly witnesses?: WitnessDemand | undefined
  /** Files with proofs of log entries. */
  readonly logProof?: readonly string[] | undefined
  readonly repository?: string | undefined
  readonly workflow?: string | undefined
  readonly builder?: readonly string[] | undefined
}

const ANY = 'any'

/** Collects the values of `--type`: short names become URIs, `any` stays. */
export function collectTypes(
  text: string,
  earlier: readonly string[] | undefined,
): readonly string[] {
  return [...(earlier ?? []), text === ANY ? ANY : resolvePredicateType(text)]
}

/**
 * Makes the policy; without `--type` a plain signature is demanded, or provenance where a source is.
 *
 * @param server - address of the GitHub of repositories that are named without one
 * @throws {@link CountersignError} ERR_USAGE — a source that is malformed
 */
export function createPolicy(flags: PolicyFlags, server?: string): Policy {
  const { type = [], certificateIdentity, certificateOidcIssuer, repository, workflow } = flags
  const source = parseSource({ repository, workflow, builders: flags.builder }, server)
  return {
    predicateTypes: demandTypes(type.includes(ANY) ? ANY : type, source),
    ...(source !== undefined && { source }),
    annotations: flags.annotations ?? {},
    threshold: flags.threshold ?? 1,
    ...(certificateIdentity !== undefined &&
      certificateOidcIssuer !== undefined && {
        identity: {
          subjectAlternativeName: certificateIdentity,
          issuer: certificateOidcIssuer,
        },
      }),
    evidence: {
      logEntries: demandedEntries(flags),
      times: flags.requireTimestamps ?? 0,
      witnesses: flags.witnesses,
    },
  }
}

/** Who names a proof relies on it. */
function demandedEntries({ requireLog, logProof }: PolicyFlags): number | undefined {
  return requireLog ?? (logProof === undefined ? undefined : 1)
}

/** A criterion of a verification, for people. */
export interface Criterion {
  readonly name: string
  readonly wanted: string
}

/** Lists what will be demanded and trusted, for people: before the verdict, not after. */
export function describeCriteria(policy: Policy, trusted: readonly string[]): readonly Criterion[] {
  const { predicateTypes, identity, source, threshold, evidence } = policy
  const annotations = Object.entries(policy.annotations).map((pair) => pair.join('='))
  const types = predicateTypes === ANY ? ['anything that is signed'] : predicateTypes
  return [
    ...trusted.map((wanted) => ({ name: 'trusted', wanted })),
    ...(identity === undefined ? [] : [{ name: 'identity', wanted: describeIdentity(policy) }]),
    ...types.map((type) => ({ name: 'type', wanted: describeType(type) })),
    ...annotations.map((wanted) => ({ name: 'annotation', wanted })),
    ...(source === undefined ? [] : describeSource(source)),
    ...count('signers', threshold, 2),
    ...count('time stamps', evidence.times, 1),
    ...count('log entries', evidence.logEntries ?? 0, 1),
    ...(evidence.witnesses === undefined
      ? []
      : [{ name: 'witnesses', wanted: describeWitnesses(evidence.witnesses) }]),
  ]
}

function describeType(type: string): string {
  return type === SIGN_PREDICATE_TYPE ? 'a plain signature' : type
}

function count(name: string, number: number, least: number): readonly Criterion[] {
  return number < least ? [] : [{ name, wanted: `at least ${number}` }]
}
