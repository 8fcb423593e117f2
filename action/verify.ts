/**
 * The mode `verify`: artifacts against what is trusted, before they are deployed. Needs no secret; says
 * what is demanded before it says how it ended, and what was expected and found where it failed.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../src/errors.ts'
import { readFileChunks } from '../src/files.ts'
import { resolvePredicateType } from '../src/formats/predicates/types.ts'
import { mapConcurrent } from '../src/basics/map-concurrent.ts'
import { verifyAttachments } from '../src/artifacts/verify-attachments.ts'
import { type Artifact, contentArtifact, digestArtifact } from '../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../src/verification/policy.ts'
import { type ArtifactDocument, toArtifactDocument } from '../src/verification/result.ts'
import {
  assertBuilderKnown,
  demandTypes,
  describeSource,
  parseSource,
} from '../src/verification/source.ts'
import type { Verdict } from '../src/verification/verify-artifact.ts'
import { createGithubReader, findBundles, type Places } from './found-bundles.ts'
import { withInputHints } from './hints.ts'
import type { VerifyInputs } from './inputs.ts'
import { type StepContext, type StepOutcome, variable } from './step.ts'
import { type ActionSubject, readSubjects } from './subjects.ts'
import { readStepTrust, type StepTrust } from './trust.ts'
import { renderStepVerdict, summarizeVerdicts } from './verdicts.ts'

/** Artifacts verified at a time. */
const AT_ONCE = 4

/**
 * Verifies every artifact; all are looked at, also where one fails.
 *
 * @throws {@link CountersignError} whatever keeps the artifacts or what is trusted from being read
 */
export async function verify(inputs: VerifyInputs, context: StepContext): Promise<StepOutcome> {
  const policy = createPolicy(inputs, context)
  const trust = await readStepTrust(inputs, context)
  if (trust === undefined) throw new TypeError('inputs without trust')
  assertBuilderKnown(policy, trust.material)
  const options = { areImages: false, hash: 'sha256', isEachDemanded: true } as const
  const subjects = await readSubjects(inputs.subjects, options, context)
  const criteria = describeCriteria(policy, trust)
  context.log.say(['Criteria:', ...criteria.map((line) => `  ${line}`)].join('\n'))
  const askGithub = createGithubReader(inputs.github.token, context)
  const judge = (subject: ActionSubject): Promise<Judged> =>
    judgeSubject(subject, inputs, { policy, trust, askGithub, context })
  const judged = await mapConcurrent(subjects, AT_ONCE, judge)
  for (const { document } of judged) context.log.say(renderStepVerdict(document))
  const failures = judged.flatMap(({ error }) => error ?? [])
  const [failure] = failures
  return {
    outputs: { verified: String(failure === undefined) },
    summary: summarizeVerdicts(
      judged.map(({ document }) => document),
      criteria,
    ),
    ...(failure !== undefined && { failure: joinFailures(failure, failures.length) }),
  }
}

interface Judged {
  readonly document: ArtifactDocument
  readonly error?: CountersignError
}

interface Judge extends Places {
  readonly trust: StepTrust
}

async function judgeSubject(
  subject: ActionSubject,
  inputs: VerifyInputs,
  judge: Judge,
): Promise<Judged> {
  const { name, digest, isDigestOnly } = subject
  const reached = await reachVerdict(subject, inputs, judge).catch((thrown: unknown): Verdict => {
    return { ok: false, error: toCountersignError(thrown), examined: [] }
  })
  const verdict = withInputHints(reached)
  const document = {
    ...toArtifactDocument(name, digest, verdict),
    ...(isDigestOnly && { digestOnly: isDigestOnly }),
  }
  return verdict.ok ? { document } : { document, error: verdict.error }
}

async function reachVerdict(
  subject: ActionSubject,
  inputs: VerifyInputs,
  { policy, trust, askGithub, context }: Judge,
): Promise<Verdict> {
  const found = await findBundles(subject, inputs, { policy, askGithub, context })
  return verifyAttachments(toArtifact(subject), found, {
    trust: trust.material,
    policy,
    now: context.now(),
  })
}

/** A file is read again for hashes that have not been computed yet. */
function toArtifact({ name, digest, path }: ActionSubject): Artifact {
  if (path === undefined) return digestArtifact(name, [digest])
  return contentArtifact(name, () => readFileChunks(path))
}

function createPolicy(
  { predicateTypes, source: text }: VerifyInputs,
  context: StepContext,
): Policy {
  const types = predicateTypes.map((type) => resolvePredicateType(type))
  const source = parseSource(text, variable(context, 'GITHUB_SERVER_URL'))
  return { ...SIGNATURE_POLICY, predicateTypes: demandTypes(types, source), source }
}

function describeCriteria({ predicateTypes, source }: Policy, trust: StepTrust): readonly string[] {
  const types = predicateTypes === 'any' ? ['any'] : predicateTypes
  return [
    `trusted: ${trust.described}`,
    ...types.map((type) => `type: ${type}`),
    ...(source === undefined ? [] : describeSource(source)).map(
      ({ name, wanted }) => `${name}: ${wanted}`,
    ),
  ]
}

function joinFailures(first: CountersignError, count: number): CountersignError {
  if (count === 1) return first
  const { code, message, hint, reason, details } = first
  const joined = `${count} artifacts do not verify; the first: ${message}`
  return new CountersignError(code, joined, { hint, reason, details, cause: first })
}
