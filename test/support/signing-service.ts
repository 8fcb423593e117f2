/** A whole service on loopback, and a user of the command line who signs with its keys. */
import { join } from 'node:path'
import { findTrustKey, fingerprintOf } from '../../src/client/trust-pin.ts'
import type { CliResult, CliWorld } from './cli.ts'
import { freePort } from './free-port.ts'
import { GITHUB_ISSUER } from './identity-claims.ts'
import { type OidcIssuer, startOidcIssuer } from './oidc-issuer.ts'
import { runServer, type TestServer } from './server.ts'
import { type ServiceFolderOptions, writeServiceFolder } from './service-folder.ts'
import { createSigningFolder, type SigningFolder } from './signing-folder.ts'
import { createTempFolder } from './temp-folder.ts'

/** A service with the keys `release` and `sessions`, and its user. */
export interface SigningService {
  readonly url: string
  readonly server: TestServer
  readonly folder: SigningFolder
  /** Gives identity tokens that the service accepts, in its own name and in GitHub's. */
  readonly issuer: OidcIssuer
  /** The user's environment: a token of theirs, and a home of their own. */
  readonly env: Readonly<Record<string, string>>
  /** Fingerprint of the trust key. */
  readonly fingerprint: () => Promise<string>
  /** Runs a command line with `--server`; `fetch` stands between them. */
  readonly run: (line: string, world?: CliWorld) => Promise<CliResult>
}

/** Starts it; it stops when the running test ends. */
export async function startSigningService(
  options: Pick<ServiceFolderOptions, 'log' | 'policies'> = {},
): Promise<SigningService> {
  const url = `http://127.0.0.1:${await freePort()}`
  const issuer = await startOidcIssuer({ audience: url })
  const service = writeServiceFolder({
    ...options,
    folder: createTempFolder(),
    issuer: url,
    keys: { release: { use: 'artifact' }, sessions: { use: 'token' } },
    serve: { listen: new URL(url).host },
    access: {
      issuers: [
        { issuer: issuer.issuer, allowPrivateAddresses: true },
        { issuer: GITHUB_ISSUER, jwksUri: `${issuer.issuer}/jwks`, allowPrivateAddresses: true },
      ],
    },
  })
  const server = await runServer(service)
  const folder = createSigningFolder()
  const env = {
    COUNTERSIGN_TOKEN: service.env['COUNTERSIGN_TEST_TOKEN'] ?? '',
    COUNTERSIGN_HOME: join(service.folder, 'home'),
  }
  return {
    url,
    server,
    folder,
    issuer,
    env,
    fingerprint: async () => {
      const published = await fetch(`${url}/trust/keys.json`)
      return fingerprintOf(findTrustKey(new Uint8Array(await published.arrayBuffer())))
    },
    run: (line, world = {}) =>
      folder.run(`${line} --server ${url}`, { env, now: new Date(), ...world }),
  }
}
