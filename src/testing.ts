/**
 * Testing a GitHub Action from outside, as a runner sees it: the shipped bundle in a process of its own,
 * with an identity issuer and an API that speak for GitHub. Nothing leaves this machine.
 *
 * @packageDocumentation
 */
export {
  type GitHubAnswer,
  type GitHubApi,
  type GitHubRequest,
  startGitHubApi,
} from './testing/github-api.ts'
export { GITHUB_CLAIMS, GITHUB_ISSUER, jobVariables } from './testing/github-claims.ts'
export {
  type IssuerKey,
  type OidcIssuer,
  type OidcIssuerOptions,
  startOidcIssuer,
} from './testing/oidc-issuer.ts'
export {
  type ActionOptions,
  type ActionResult,
  type PreparedStep,
  prepareStep,
  runAction,
} from './testing/runner.ts'
export {
  type Annotation,
  type LogCommands,
  parseCommands,
  parseFileCommands,
} from './testing/workflow-commands.ts'
