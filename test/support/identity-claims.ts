/** Claims as identity providers really put them into their tokens, without the times. */
import type { JsonObject } from '../../src/formats/json.ts'

export { GITHUB_CLAIMS, GITHUB_ISSUER } from '../../src/testing/github-claims.ts'

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
