/**
 * Provenance where no service makes it: of the claims of the job's own token, once GitHub's signature on
 * it has been verified. An attacker who can change the steps of the job could sign something else with the key.
 *
 * @packageDocumentation
 */
import { createAuthenticator } from '../src/access/authenticate.ts'
import type { IssuerSettings } from '../src/access/settings.ts'
import {
  PROVENANCE_PREDICATE_TYPE,
  toGithubProvenance,
} from '../src/formats/predicates/github-provenance.ts'
import { parseJwt } from '../src/formats/jwt.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import { requestIdentity } from './identity.ts'
import { type StepContext, variable } from './step.ts'

/** For this step alone: no service accepts a token with this audience. */
const AUDIENCE = 'countersign-provenance'

/**
 * Makes the provenance of the running job.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — there is no token, or GitHub has not signed it;
 * ERR_NOT_ALLOWED — a claim is missing; ERR_NETWORK, ERR_TIMEOUT — GitHub's keys can't be fetched
 */
export async function makeProvenance(context: StepContext): Promise<PredicateInput> {
  const token = await requestIdentity(AUDIENCE, context)
  const settings = issuerSettings(token, context)
  const { now, signal } = context
  const authenticator = createAuthenticator({ issuers: [settings], now })
  const { issuer, claims } = await authenticator.authenticate(`Bearer ${token}`, { signal })
  return {
    predicateType: PROVENANCE_PREDICATE_TYPE,
    predicate: toGithubProvenance(issuer, claims),
  }
}

/** The issuer that speaks for the GitHub this runner belongs to. */
function issuerSettings(token: string, context: StepContext): IssuerSettings {
  const server = (variable(context, 'GITHUB_SERVER_URL') ?? 'https://github.com').replace(/\/$/, '')
  const tenant = /^https:\/\/([a-z0-9-]+\.ghe\.com)$/.exec(server)?.[1]
  const isPublic = server === 'https://github.com' || tenant !== undefined
  const cloud = `https://token.actions.${tenant ?? 'githubusercontent.com'}`
  const issuer = isPublic ? cloud : `${server}/_services/token`
  // Only chooses between an enterprise's own issuer and the common one; the signature decides.
  const claimed = parseJwt(token).claims.issuer ?? ''
  const slug = claimed.startsWith(`${issuer}/`) ? claimed.slice(issuer.length + 1) : undefined
  return {
    issuer,
    audience: AUDIENCE,
    enterpriseSlug: slug,
    // A GitHub of one's own is where the runner is: inside of a private network.
    allowPrivateAddresses: !isPublic,
  }
}
