/**
 * GitHub's storage records, best effort: which registry has an image that a repository of an organization
 * built. A refusal is a warning; what the step is for is done without it.
 *
 * @packageDocumentation
 */
import { createOctokit, describeFailure, githubRepository } from './github-attestations.ts'
import type { GithubInputs } from './inputs.ts'
import type { OpenTarget } from './registry.ts'
import type { StepContext } from './step.ts'

const TIMEOUT_MS = 15_000

/**
 * Creates a record of each image where the inputs ask for it, and answers the ids. The first refusal ends it.
 * Never throws.
 */
export async function createStorageRecords(
  targets: readonly OpenTarget[],
  { isRecorded, version, token }: GithubInputs,
  context: StepContext,
): Promise<readonly string[]> {
  if (!isRecorded || targets.length === 0) return []
  const repository = githubRepository(context)
  if (repository === undefined || token === undefined) {
    warn('there is no github-token, or no repository', context)
    return []
  }
  const { owner: org, repo } = repository
  const ids: string[] = []
  for (const { subject } of targets) {
    const { name, digest, image } = subject
    const record = {
      name,
      digest,
      ...(version !== undefined && { version }),
      registry_url: `https://${image?.registry ?? ''}`,
      // GitHub has no attestation of ours that would name it.
      github_repository: repo,
    }
    const created = await createRecord({ org, ...record }, token, context)
    if (created === undefined) break
    ids.push(...created)
  }
  return ids
}

type NewRecord = NonNullable<
  Parameters<
    Awaited<ReturnType<typeof createOctokit>>['rest']['orgs']['createArtifactStorageRecord']
  >[0]
>

async function createRecord(
  record: NewRecord,
  token: string,
  context: StepContext,
): Promise<readonly string[] | undefined> {
  try {
    const octokit = await createOctokit(token, context)
    const { data } = await octokit.rest.orgs.createArtifactStorageRecord({
      ...record,
      request: { signal: AbortSignal.any([context.signal, context.runtime.deadline(TIMEOUT_MS)]) },
    })
    return (data.storage_records ?? []).flatMap(({ id }) => (id === undefined ? [] : String(id)))
  } catch (error) {
    warn(describeFailure(error), context)
    return undefined
  }
}

function warn(why: string, { log }: StepContext): void {
  log.annotate(
    'warning',
    'GitHub has no storage record of the image',
    `${why}\nrecords need a repository of an organization and the permission artifact-metadata: write; set create-storage-record to false to leave them out`,
  )
}
