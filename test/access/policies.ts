/** Callers, keys and policies for the tests of this folder. */
import type { KeyFacts, RequestedSignature } from '../../src/access/action.ts'
import { type Authorizer, createAuthorizer } from '../../src/access/authorize.ts'
import type { Caller } from '../../src/access/caller.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../support/identity-claims.ts'

/** A caller with claims of GitHub, some of them replaced. */
export function githubCaller(claims: JsonObject = {}, issuer: string = GITHUB_ISSUER): Caller {
  const all = { ...GITHUB_CLAIMS, iss: issuer, ...claims }
  return { kind: 'oidc', issuer, subject: 'repo:acme/widget:ref:refs/heads/main', claims: all }
}

export const RELEASE: KeyFacts = { name: 'release', use: 'artifact', algorithm: 'ES256' }
export const SESSIONS: KeyFacts = { name: 'sessions', use: 'token', algorithm: 'ES256' }

export const SUBJECT: RequestedSignature = {
  name: 'ghcr.io/acme/widget',
  digests: [`sha256:${'ab'.repeat(32)}`],
  annotations: {},
}

/** The policy of a team whose reusable workflow signs releases. */
export const RELEASE_POLICY = `@id("release-from-main")
permit (
  principal in Issuer::"https://token.actions.githubusercontent.com",
  action in [Action::"sign", Action::"attest"],
  resource == Key::"release"
) when {
  principal has repository_id && principal.repository_id == "123456789" &&
  principal has ref && principal.ref == "refs/heads/main"
};
`

/** Makes an authorizer of one file. */
export function authorizerOf(text: string, cachedDecisions?: number): Promise<Authorizer> {
  return createAuthorizer([{ file: 'release.cedar', text }], { cachedDecisions })
}
