/** What the command line makes of the use that a pinned service states of a key. */
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fingerprintOf } from '../../../src/client/trust-pin.ts'
import { parsePublicKeyPem } from '../../../src/crypto/public-key.ts'
import type { KeyUse } from '../../../src/keys/key.ts'
import { type CliResult, NOW } from '../../support/cli.ts'
import { createImageScene } from '../../support/image-scene.ts'
import { signHistory, startPublications, timesFrom } from '../../support/publications.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'
import { startSigningService } from '../../support/signing-service.ts'
import { testSigner } from '../../support/signers.ts'

const trust = testSigner('ES256', 'trust 1')

/** A user with the key `own`, which the pinned service lists with a use. */
async function createUser(use: KeyUse): Promise<{
  readonly folder: SigningFolder
  readonly run: (line: string) => Promise<CliResult>
}> {
  const [folder, server] = [createSigningFolder(), await startPublications()]
  folder.key('own')
  folder.write('app.txt', 'a program')
  folder.write('p.json', '{"a":1}')
  const version = {
    key: parsePublicKeyPem(readFileSync(folder.path('own.pub'), 'utf8')),
    ...({ name: 'own', version: 1, use, origin: 'external', state: 'active' } as const),
    validFor: { start: new Date('2026-01-01T00:00:00Z'), end: undefined },
    compromisedSince: undefined,
  }
  const history = {
    sequence: 1,
    versions: [version],
    trustKeys: [trust.key],
    times: timesFrom(NOW),
  }
  server.pages.set('/trust/keys.json', await signHistory(history, trust))
  const env = { COUNTERSIGN_HOME: join(folder.path('home')) }
  const run = (line: string): Promise<CliResult> => folder.run(line, { env, now: NOW })
  await run(`trust init ${server.url.href} --fingerprint ${fingerprintOf(trust.key)}`)
  return { folder, run }
}

const WARNING = 'verifiers that trust it will refuse this signature'
const ATTEST = 'attest @app.txt --key @own.pem --type https://example.com/t --predicate @p.json'
const ISSUE = 'token issue --key @own.pem --issuer https://sign.example.com --audience api'

describe("signing with the user's own key warns where the pinned history would refuse the result", () => {
  test.each([
    ['artifact', 'sign @app.txt --key @own.pem', false],
    ['token', 'sign @app.txt --key @own.pem', true],
    ['artifact', ATTEST, false],
    ['artifact', ISSUE, true],
    ['digest', 'sign @app.txt --key @own.pem', false],
    ['digest', ATTEST, true],
    ['digest', ISSUE, true],
  ] as const)('listed as %s: %s', async (use, line, warns) => {
    const { run } = await createUser(use)

    const { exitCode, stderr } = await run(line)

    expect(exitCode).toBe(0)
    expect(stderr.includes(WARNING)).toBe(warns)
  })
})

test.each(['artifact', 'digest'] as const)(
  'a file signed by a key that the pinned service lists as %s verifies with what it publishes',
  async (use) => {
    const { run } = await createUser(use)

    const signed = await run('sign @app.txt --key @own.pem')
    const verified = await run('verify @app.txt')

    expect([signed.exitCode, verified.exitCode]).toEqual([0, 0])
  },
)

test('a digest key vouches for no statement, though the user names it', async () => {
  const { run } = await createUser('digest')
  await run(ATTEST)

  const verified = await run('verify @app.txt --key @own.pub --type https://example.com/t')

  expect(verified.exitCode).toBe(6)
  expect(verified.stderr).toContain('[ERR_KEY_USE_MISMATCH]')
})

test('a key that no pinned service lists verifies tokens, and its use is reported as unchecked', async () => {
  const folder = createSigningFolder()
  folder.key('own')
  folder.write('token', (await folder.run(ISSUE)).stdout)

  const verified = await folder.run(
    'token verify --token-file @token --key @own.pub --issuer https://sign.example.com --audience api',
  )

  expect(verified.exitCode).toBe(0)
  expect(verified.stderr).toContain('its use is not checked')
})

test('a service signs an image in both layouts; the older one, without a proof, verifies on demand', async () => {
  const { app } = await createImageScene()
  const { folder, run, env, url, fingerprint } = await startSigningService()
  const world = { env, now: new Date() }
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, world)

  const signed = await run(`sign ${app}:v1 --key release --format both -a env=prod --plain-http`)
  const usual = await folder.run(`verify ${app}:v1 -a env=prod`, world)
  const unproven = await folder.run(`verify ${app}:v1 --format legacy -a env=prod`, world)
  const older = `verify ${app}:v1 --format legacy --require-log 0`
  const legacy = await folder.run(`${older} -a env=prod`, world)
  const bundle = await folder.run(`verify ${app}:v1 --format bundle -a env=prod`, world)
  const other = await folder.run(`${older} -a env=test`, world)

  expect(signed.exitCode).toBe(0)
  expect([usual.exitCode, unproven.exitCode]).toEqual([0, 3])
  expect(unproven.stderr).toContain('give --require-log 0')
  expect([legacy.exitCode, bundle.exitCode, other.exitCode]).toEqual([0, 0, 4])
})
