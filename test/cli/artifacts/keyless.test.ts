import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readInstanceRoot } from '../../../cli/trust/sigstore-instance.ts'
import { runCli } from '../../support/command-line.ts'
import type { CliResult } from '../../support/cli.ts'
import { freePort } from '../../support/free-port.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { startTufRepository } from '../../support/tuf-repository.ts'
import { describeVectors, vectorPath } from '../../support/vectors.ts'

const BEACON =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main'
const ISSUER = 'https://token.actions.githubusercontent.com'

const at = (path: string): string => vectorPath(`sigstore-conformance/${path}`)

/** Verifies a.txt by an identity alone, where no address can be reached. */
async function verify(
  cache: string,
  args: readonly string[] = [],
  who = BEACON,
): Promise<CliResult> {
  const bundle = at('bundle-verify/happy-path-v0.3/bundle.sigstore.json')
  const identity = ['--certificate-identity', who, '--certificate-oidc-issuer', ISSUER]
  const proxy = `http://127.0.0.1:${await freePort()}`
  return runCli(['verify', at('bundle-verify/a.txt'), '--bundle', bundle, ...identity, ...args], {
    env: { XDG_CACHE_HOME: cache, HTTPS_PROXY: proxy, https_proxy: proxy },
  })
}

/** The cache of a user who has fetched the root of the public instance, from a repository of its own here. */
async function createFilledCache(): Promise<string> {
  const cache = createTempFolder()
  const root = readFileSync(at('trusted_root.public-good.json'))
  const world = { env: { XDG_CACHE_HOME: cache }, now: () => new Date() }
  await readInstanceRoot({}, world, await startTufRepository(root))
  return cache
}

test('without a network an identity cannot be verified, and the error says what can be done', async () => {
  const cache = createTempFolder()

  const online = await verify(cache)
  const offline = await verify(cache, ['--offline'])

  expect(online.exitCode).toBe(7)
  expect(online.stderr).toContain('tuf-repo-cdn.sigstore.dev')
  expect(online.stderr).toContain('[ERR_NETWORK]')
  expect(online.stderr).toMatch(/hint: .*--offline .*--trusted-root FILE/)
  // The root that the package was built with was not vouched for by the failed fetch.
  expect(offline.exitCode).toBe(7)
  expect(offline.stderr).toContain('[ERR_TRUST_STALE]')
})

describeVectors('sigstore-conformance', () => {
  test('an identity needs no trusted root if that of the public instance was fetched before', async () => {
    const { exitCode, stderr } = await verify(await createFilledCache(), ['--offline'])

    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('trusted   authorities and logs of the public Sigstore instance')
    expect(stderr).toContain(`identity  ${BEACON}`)
    expect(stderr).toMatch(
      /^PASSED {2}.*\n {2}sha256:.*\n {2}signed {2}by https:\/\/github\.com\/sigstore-conformance/m,
    )
  })

  test('another identity fails', async () => {
    const { exitCode, stderr } = await verify(
      await createFilledCache(),
      ['--offline'],
      `${BEACON}x`,
    )

    expect(exitCode).toBe(4)
    expect(stderr).toContain('[ERR_IDENTITY_MISMATCH]')
  })

  test('a given trusted root replaces the public one', async () => {
    const root = ['--trusted-root', at('trusted_root.public-good.json')]

    const { exitCode, stderr } = await verify(createTempFolder(), root)

    expect(exitCode, stderr).toBe(0)
    expect(stderr).not.toContain('public Sigstore instance')
  })
})
