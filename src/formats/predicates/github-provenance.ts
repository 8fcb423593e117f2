/**
 * SLSA provenance v1 of a GitHub Actions workflow run, with GitHub's own buildType
 * (https://actions.github.io/buildtypes/workflow/v1), made of the claims of the run's OIDC token. Nothing
 * in it is the workflow's word: the caller has verified the token.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import type { JsonObject } from '../json.ts'

/** Predicate type of what {@link toGithubProvenance} makes. */
export const PROVENANCE_PREDICATE_TYPE = 'https://slsa.dev/provenance/v1'

/** How GitHub runs a workflow, and what the parameters of such a build mean. */
export const GITHUB_BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1'

function noProvenance(why: string): CountersignError {
  return new CountersignError('ERR_NOT_ALLOWED', `no provenance can be made: ${why}`, {
    hint: 'provenance is made for callers with the OIDC token of a GitHub Actions workflow run',
  })
}

/**
 * Makes the predicate of verified claims.
 *
 * @param issuer - the exact, verified issuer of the token
 * @param builderId - who makes it; default: the workflow itself, as GitHub names it
 * @throws {@link CountersignError} ERR_NOT_ALLOWED — the issuer is not GitHub Actions, or a claim is missing
 */
export function toGithubProvenance(
  issuer: string,
  claims: JsonObject,
  builderId?: string,
): JsonObject {
  const server = serverOf(issuer)
  const claim = claimReader(claims)
  const ref = claim('ref')
  const repository = `${server}/${claim('repository')}`
  const path = workflowPath(claim('workflow_ref'), claim('repository'))
  const jobWorkflow = claim('job_workflow_ref')
  return {
    buildDefinition: {
      buildType: GITHUB_BUILD_TYPE,
      externalParameters: { workflow: { ref, repository, path } },
      internalParameters: {
        github: {
          event_name: claim('event_name'),
          // GitHub's own id of the builder has it.
          ...(builderId !== undefined && { job_workflow_ref: jobWorkflow }),
          repository_id: claim('repository_id'),
          repository_owner_id: claim('repository_owner_id'),
          runner_environment: claim('runner_environment'),
        },
      },
      resolvedDependencies: [
        { uri: `git+${repository}@${ref}`, digest: { gitCommit: claim('sha') } },
      ],
    },
    runDetails: {
      builder: { id: builderId ?? `${server}/${jobWorkflow}` },
      metadata: {
        invocationId: `${repository}/actions/runs/${claim('run_id')}/attempts/${claim('run_attempt')}`,
      },
    },
  }
}

/** Address of the GitHub whose workflows an issuer speaks for; an enterprise may have a name behind it. */
function serverOf(issuer: string): string {
  const { groups } =
    /^https:\/\/token\.actions\.(?:(?<public>githubusercontent\.com)|(?<tenant>[a-z0-9-]+\.ghe\.com))(?:\/[A-Za-z0-9_-]+)?$/.exec(
      issuer,
    ) ??
    /^(?<server>https:\/\/[A-Za-z0-9.-]+(?::[0-9]+)?)\/_services\/token$/.exec(issuer) ??
    {}
  if (groups?.['public'] !== undefined) return 'https://github.com'
  if (groups?.['tenant'] !== undefined) return `https://${groups['tenant']}`
  if (groups?.['server'] !== undefined) return groups['server']
  throw noProvenance('the caller is no GitHub Actions workflow')
}

/** Reads claims that must be there, each a text that is not empty. */
function claimReader(claims: JsonObject): (name: string) => string {
  return (name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (typeof value === 'string' && value !== '') return value
    throw noProvenance(`the token has no claim "${name}"`)
  }
}

/** `workflow_ref` is `OWNER/REPOSITORY/PATH@REF`. */
function workflowPath(reference: string, repository: string): string {
  const prefix = `${repository}/`
  const path = reference.slice(prefix.length).split('@')[0] ?? ''
  if (reference.startsWith(prefix) && path !== '') return path
  throw noProvenance('its workflow is not in its repository')
}
