/**
 * GitHub's attestations API, best effort: it is made for bundles with certificates, and may refuse ours.
 * A refusal is a warning in GitHub's own words; what the step is for is done without it.
 *
 * @packageDocumentation
 */
import type { Octokit } from '@octokit/rest'
import type { GithubInputs } from './inputs.ts'
import type { StepSignature } from './step-signer.ts'
import { type StepContext, variable } from './step.ts'

/** An attestation that GitHub keeps. */
export interface Upload {
  readonly id: string
  readonly url: string
}

/** A repository on the GitHub of this runner. */
export interface GithubRepository {
  readonly owner: string
  readonly repo: string
}

const TIMEOUT_MS = 15_000

/** The repository of the job; undefined outside of GitHub. */
export function githubRepository(context: StepContext): GithubRepository | undefined {
  const [owner, repo] = (variable(context, 'GITHUB_REPOSITORY') ?? '').split('/')
  return owner === undefined || repo === undefined ? undefined : { owner, repo }
}

/**
 * Uploads bundles where the inputs say so; `auto` does not, for they are signed by keys. The first refusal
 * ends it, as the others would be refused alike, or waited for in vain. Never throws.
 */
export async function uploadBundles(
  items: readonly StepSignature[],
  { attestations, token }: GithubInputs,
  context: StepContext,
): Promise<readonly Upload[]> {
  if (attestations !== 'true') return []
  const repository = githubRepository(context)
  if (repository === undefined || token === undefined) {
    warn('there is no github-token, or no repository', context)
    return []
  }
  const uploads: Upload[] = []
  for (const { bundle } of items) {
    if (bundle === undefined) continue
    const upload = await uploadOne(bundle.bundle, { repository, token }, context)
    if (upload === undefined) break
    uploads.push(upload)
  }
  return uploads
}

async function uploadOne(
  bundle: Uint8Array,
  { repository, token }: { readonly repository: GithubRepository; readonly token: string },
  context: StepContext,
): Promise<Upload | undefined> {
  try {
    const octokit = await createOctokit(token, context)
    const { data } = await octokit.rest.repos.createAttestation({
      ...repository,
      bundle: JSON.parse(Buffer.from(bundle).toString('utf8')) as object,
      // A job that is cancelled has no time for what it can do without.
      request: { signal: AbortSignal.any([context.signal, context.runtime.deadline(TIMEOUT_MS)]) },
    })
    const id = String(data.id ?? '')
    const server = variable(context, 'GITHUB_SERVER_URL') ?? 'https://github.com'
    const { owner, repo } = repository
    return { id, url: `${server}/${owner}/${repo}/attestations/${id}` }
  } catch (error) {
    warn(describeFailure(error), context)
    return undefined
  }
}

/** Opens GitHub's API; unauthenticated without a token. */
export async function createOctokit(
  token: string | undefined,
  context: StepContext,
): Promise<Octokit> {
  const { Octokit } = await import('@octokit/rest')
  const silent = (): void => undefined
  return new Octokit({
    ...(token !== undefined && { auth: token }),
    baseUrl: variable(context, 'GITHUB_API_URL') ?? 'https://api.github.com',
    userAgent: 'countersign',
    request: { fetch: context.runtime.fetch },
    log: { debug: silent, info: silent, warn: silent, error: silent },
  })
}

/** Whether GitHub knows of no such thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 404
}

/** Says in GitHub's own words, as far as there are any, why a request failed. */
export function describeFailure(error: unknown): string {
  const status =
    error instanceof Error && 'status' in error ? `status ${String(error.status)}: ` : ''
  const message = error instanceof Error ? error.message : String(error)
  return `${status}${message}`.slice(0, 500)
}

function warn(why: string, { log }: StepContext): void {
  log.annotate(
    'warning',
    'GitHub keeps no copy of the attestation',
    `${why}\nwhat was signed is where the job summary says; set github-attestations to false to leave this out`,
  )
}
