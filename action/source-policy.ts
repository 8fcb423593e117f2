/** What an artifact must be built of, and by: compared with provenance whose signature has been verified. */
import { CountersignError } from '../src/errors.ts'
import { isJsonObject, type JsonValue } from '../src/formats/json.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import type { VerifiedSignature } from '../src/verification/verify-bundle.ts'
import type { VerifyInputs } from './inputs.ts'
import { type StepContext, variable } from './step.ts'

type Source = Pick<VerifyInputs, 'repository' | 'workflow'>

/** Describes what is demanded, for people. */
export function describeSource(source: Source, context: StepContext): readonly string[] {
  const { repository, workflow } = wanted(source, context)
  return [
    ...(repository === undefined ? [] : [`repository: ${repository}`]),
    ...(workflow === undefined ? [] : [`workflow: ${workflow}`]),
  ]
}

/**
 * Refuses artifacts whose provenance names another source.
 *
 * @throws {@link CountersignError} ERR_IDENTITY_MISMATCH — with what was expected and what was found
 */
export function assertSource(
  signatures: readonly VerifiedSignature[],
  source: Source,
  context: StepContext,
): void {
  const expected = wanted(source, context)
  if (expected.repository === undefined && expected.workflow === undefined) return
  const found = signatures
    .filter(({ predicateType }) => predicateType === PROVENANCE_PREDICATE_TYPE)
    .map(({ statement }) => readSource(statement?.predicate))
  const isMet = found.some(
    ({ repository, workflow }) =>
      (expected.repository ?? repository) === repository &&
      (expected.workflow ?? workflow) === workflow,
  )
  if (isMet) return
  const describe = ({ repository, workflow }: Partial<ReturnType<typeof readSource>>): string =>
    [repository, workflow].filter((part) => part !== undefined && part !== '').join(' ')
  const told = found.map(describe).filter((one) => one !== '')
  const [want, actual] = [describe(expected), told.join(', ')]
  throw new CountersignError(
    'ERR_IDENTITY_MISMATCH',
    `the artifact was built by ${actual || 'nobody who says so'}, wanted is ${want}`,
    {
      hint: 'check the inputs repository and workflow, and where the artifact comes from',
      details: { expected: want, actual },
    },
  )
}

function wanted(
  { repository, workflow }: Source,
  context: StepContext,
): Partial<ReturnType<typeof readSource>> {
  const server = variable(context, 'GITHUB_SERVER_URL') ?? 'https://github.com'
  return {
    ...(repository !== undefined && { repository: `${server}/${repository}` }),
    ...(workflow !== undefined && { workflow }),
  }
}

function readSource(predicate: JsonValue | undefined): {
  readonly repository: string
  readonly workflow: string
} {
  const workflow = ['buildDefinition', 'externalParameters', 'workflow'].reduce(member, predicate)
  const text = (name: string): string => {
    const value = member(workflow, name)
    return typeof value === 'string' ? value : ''
  }
  return { repository: text('repository'), workflow: text('path') }
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value !== undefined && isJsonObject(value) && Object.hasOwn(value, name)
    ? value[name]
    : undefined
}
