/** Claims as identity providers really put them into their tokens, without the times. */
import type { JsonObject } from '../../src/formats/json.ts'

/** Issuers whose addresses are fixed. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'

/** All claims of a GitHub Actions job that runs on the main branch of `acme/widget`. */
export const GITHUB_CLAIMS: JsonObject = {
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

/** All claims of a GitLab CI job that runs on the main branch of `acme/widget`. */
export const GITLAB_CLAIMS: JsonObject = {
  sub: 'project_path:acme/widget:ref_type:branch:ref:main',
  namespace_id: '72',
  namespace_path: 'acme',
  project_id: '20',
  project_path: 'acme/widget',
  project_visibility: 'private',
  user_id: '1',
  user_login: 'sample-user',
  user_email: 'sample-user@example.com',
  user_access_level: 'developer',
  user_identities: [{ provider: 'github', extern_uid: '2435223452345' }],
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  groups_direct: ['acme/releasers'],
  environment: 'production',
  environment_protected: 'true',
  deployment_tier: 'production',
  environment_action: 'start',
  runner_id: 1,
  runner_environment: 'gitlab-hosted',
  sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
  ci_config_ref_uri: 'gitlab.example.com/acme/widget//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
}

/** All claims of a service account token that is projected into a pod. */
export const KUBERNETES_CLAIMS: JsonObject = {
  sub: 'system:serviceaccount:builds:releaser',
  'kubernetes.io': {
    namespace: 'builds',
    node: { name: 'node-7', uid: '2c5e4b8a-1f3d-4e6b-9a7c-0d8f2b4e6a1c' },
    pod: { name: 'releaser-6d4cf56db6-abcde', uid: 'b6e2d3f4-5a7c-4b8d-9e0f-1a2b3c4d5e6f' },
    serviceaccount: { name: 'releaser', uid: 'a1b2c3d4-e5f6-4789-8abc-def012345678' },
    warnafter: 1_700_003_607,
  },
}
