/** What GitHub says of a job: in the claims of its identity token, and in its variables. */

/**
 * Issuer of the identity tokens of github.com.
 *
 * @example
 * ```ts
 * import { GITHUB_ISSUER } from 'countersign/testing'
 *
 * console.log(GITHUB_ISSUER) // https://token.actions.githubusercontent.com
 * ```
 */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'

/**
 * All claims of a job that runs on the main branch of `acme/widget`, without the times.
 *
 * @example
 * ```ts
 * import { GITHUB_CLAIMS } from 'countersign/testing'
 *
 * console.log(GITHUB_CLAIMS.repository) // acme/widget
 * ```
 */
export const GITHUB_CLAIMS: Readonly<Record<string, string>> = {
  sub: 'repo:acme/widget:ref:refs/heads/main',
  actor: 'octocat',
  actor_id: '583231',
  base_ref: '',
  check_run_id: '55555555555',
  environment: 'production',
  event_name: 'push',
  head_ref: '',
  job_workflow_ref: 'acme/workflows/.github/workflows/release.yml@refs/tags/v3',
  job_workflow_sha: '7b6e1f9d0c3a5b8e2f4d6c8a0b1e3d5f7a9c2b4d',
  ref: 'refs/heads/main',
  ref_protected: 'true',
  ref_type: 'branch',
  repository: 'acme/widget',
  repository_id: '123456789',
  repository_owner: 'acme',
  repository_owner_id: '987654',
  repository_visibility: 'private',
  run_attempt: '1',
  run_id: '9876543210',
  run_number: '42',
  runner_environment: 'github-hosted',
  sha: '1d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e',
  workflow: 'Release',
  workflow_ref: 'acme/widget/.github/workflows/ci.yml@refs/heads/main',
  workflow_sha: '1d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e',
}

const CLAIMED = [
  'actor',
  'actor_id',
  'base_ref',
  'event_name',
  'head_ref',
  'ref',
  'ref_protected',
  'ref_type',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'run_attempt',
  'run_id',
  'run_number',
  'sha',
  'workflow',
  'workflow_ref',
  'workflow_sha',
]

/**
 * The `GITHUB_…` variables of the job that has these claims; missing claims are empty, as on a runner.
 *
 * @example
 * ```ts
 * import { GITHUB_CLAIMS, jobVariables } from 'countersign/testing'
 *
 * console.log(jobVariables(GITHUB_CLAIMS)['GITHUB_REPOSITORY']) // acme/widget
 * ```
 */
export function jobVariables(
  claims: Readonly<Record<string, string>> = GITHUB_CLAIMS,
): Record<string, string> {
  const claimed = CLAIMED.map((name) => [`GITHUB_${name.toUpperCase()}`, claims[name] ?? ''])
  return {
    ...(Object.fromEntries(claimed) as Record<string, string>),
    GITHUB_ACTION: '__self',
    GITHUB_JOB: 'build',
    GITHUB_SERVER_URL: 'https://github.com',
    // No server listens there: a test without a double fails, and never calls GitHub.
    GITHUB_API_URL: 'http://127.0.0.1:9',
  }
}
