/**
 * What a step meets that signs with a key in AWS KMS itself: a KMS and an STS, and a GitHub server of one's
 * own, whose keys are fetched over TLS.
 *
 * @packageDocumentation
 */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { trustCertificateAuthority } from '../../../src/oci/certificate-authority.ts'
import type { ActionOptions, ActionResult } from '../../../src/testing.ts'
import { kmsEnvironment } from '../kms/environment.ts'
import { type KmsDouble, startKmsDouble } from '../kms/double.ts'
import { stubKmsEnvironment } from '../kms/stub-environment.ts'
import { type OidcIssuer, startOidcIssuer } from '../oidc-issuer.ts'
import { createTempFolder } from '../temp-folder.ts'
import { startTlsServer } from '../tls-server.ts'
import { runAs, type StepKind } from './scene.ts'
import { startSts, type StsDouble } from './sts.ts'

/** The role that the job may take. */
export const ROLE = 'arn:aws:iam::123456789012:role/release'

/** A running scene; everything stops when the test ends. */
export interface KmsScene {
  readonly kms: KmsDouble
  readonly sts: StsDouble
  readonly issuer: OidcIssuer
  /** Reference of the key `alias/release`. */
  readonly key: string
  readonly workspace: string
  run(step: ActionOptions & { readonly ambient?: boolean }): Promise<ActionResult>
}

/** Starts a scene. */
export async function startKmsScene(kind: StepKind): Promise<KmsScene> {
  const kms = await startKmsDouble()
  onTestFinished(() => kms.close())
  kms.setAlias('alias/release', await kms.addKey({ spec: 'ECC_NIST_P256' }))
  const { issuer, server, certificate } = await startGithubServer()
  const credentials = { ...kms.credentials, sessionToken: 'session-token-of-the-role' }
  const sts = await startSts(credentials, (_token, role) => role === ROLE)
  onTestFinished(() => sts[Symbol.asyncDispose]())
  const workspace = createTempFolder()
  const authority = join(workspace, 'ca.pem')
  writeFileSync(authority, certificate)
  return {
    kms,
    sts,
    issuer,
    key: `awskms://${kms.endpoint}/alias/release`,
    workspace,
    run: async ({ ambient = false, ...step }) => {
      const aws = {
        ...kmsEnvironment(ambient ? kms.credentials : undefined),
        AWS_ENDPOINT_URL_STS: sts.url,
      }
      if (kind === 'source') {
        stubKmsEnvironment(ambient ? kms.credentials : undefined)
        vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.url)
        onTestFinished(() => void vi.unstubAllEnvs())
        trustCertificateAuthority(certificate)
      }
      const env = {
        ...aws,
        NODE_EXTRA_CA_CERTS: authority,
        ...issuer.variables,
        GITHUB_SERVER_URL: server,
        ...step.env,
      }
      return runAs(kind, { workspace, ...step, env })
    },
  }
}

/** A public key that is in no KMS, as PEM. */
export function strangePublicKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

/** A GitHub Enterprise Server, as far as its OIDC issuer goes. */
async function startGithubServer(): Promise<{
  readonly issuer: OidcIssuer
  readonly server: string
  readonly certificate: string
}> {
  let jwks = (): object => ({ keys: [] })
  const tls = await startTlsServer((request, response) => {
    const name = `${tls.url.origin}/_services/token`
    const discovery = { issuer: name, jwks_uri: `${tls.url.origin}/jwks` }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(request.url === '/jwks' ? jwks() : discovery))
  })
  const iss = `${tls.url.origin}/_services/token`
  const issuer = await startOidcIssuer({ jobClaims: { iss } })
  jwks = () => issuer.jwks()
  return { issuer, server: tls.url.origin, certificate: tls.certificate }
}
