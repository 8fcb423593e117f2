import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { trustFolder } from '../../../cli/trust/home.ts'
import { fingerprintOf } from '../../../src/client/trust-pin.ts'
import { digestOf } from '../../../src/crypto/digest.ts'
import { parseJson, isJsonObject } from '../../../src/formats/json.ts'
import type { KeyHistory, PublishedVersion } from '../../../src/keys/key-history.ts'
import { signFileDigest } from '../../../src/signing/sign-artifact.ts'
import { type CliResult, type CliWorld, countersign, documentOf, NOW } from '../../support/cli.ts'
import {
  type PublicationServer,
  signHistory,
  startPublications,
  timesFrom,
} from '../../support/publications.ts'
import { testSigner } from '../../support/signers.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { createTestAuthority, testTrustedRoot } from '../../support/time-stamps.ts'

const trust = testSigner('ES256', 'trust 1')
const fingerprint = fingerprintOf(trust.key)
const before = (days: number): Date => new Date(NOW.getTime() - days * 86_400_000)

function release(number: number, changes: Partial<PublishedVersion> = {}): PublishedVersion {
  return {
    key: testSigner('ES256', `release ${number}`).key,
    name: 'release',
    version: number,
    use: 'digest',
    origin: 'generated',
    state: 'active',
    validFor: { start: before(300), end: undefined },
    compromisedSince: undefined,
    ...changes,
  }
}

/** A service, a user's home, and a file that version 1 of its key signed and its authority stamped. */
async function createScene(): Promise<{
  readonly server: PublicationServer
  readonly home: string
  readonly file: string
  readonly publish: (sequence: number, versions: readonly PublishedVersion[]) => Promise<void>
  readonly run: (line: string, world?: CliWorld) => Promise<CliResult>
}> {
  const server = await startPublications()
  const [home, folder] = [join(createTempFolder(), 'home'), createTempFolder()]
  const authority = createTestAuthority()
  const root = parseJson(testTrustedRoot(authority))
  if (!isJsonObject(root)) throw new Error('no trusted root')
  const publish = async (
    sequence: number,
    versions: readonly PublishedVersion[],
  ): Promise<void> => {
    const history: KeyHistory = {
      sequence,
      versions,
      trustKeys: [trust.key],
      trustedRoot: root,
      times: timesFrom(NOW),
    }
    server.pages.set('/trust/keys.json', await signHistory(history, trust))
  }
  await publish(1, [release(1)])
  const file = join(folder, 'app.txt')
  writeFileSync(file, 'hello\n')
  const { bundle } = await signFileDigest(
    testSigner('ES256', 'release 1'),
    digestOf(Buffer.from('hello\n')),
    {
      timestamp: (signature) =>
        authority.authority.stampSignature(signature).then((s) => s.response),
    },
  )
  writeFileSync(`${file}.sigstore.json`, bundle)
  const env = { COUNTERSIGN_HOME: home, HOME: folder }
  const run = (line: string, world: CliWorld = {}): Promise<CliResult> =>
    countersign(line.split(' '), { env, ...world })
  return { server, home, file, publish, run }
}

test('a service is pinned by the fingerprint of its trust key, in a private folder of the user', async () => {
  const { server, home, run } = await createScene()

  const result = await run(`trust init ${server.url.href} --fingerprint ${fingerprint} --json`)

  expect(result.exitCode).toBe(0)
  expect(documentOf(result)).toMatchObject({
    trust: { service: server.url.href, fingerprint, sequence: 1, hasTrustedRoot: true },
  })
  for (const name of readdirSync(home)) {
    expect(statSync(join(home, name)).mode & 0o777).toBe(0o600)
  }
  expect(statSync(home).mode & 0o777).toBe(0o700)
})

test('another fingerprint pins nothing', async () => {
  const { server, run } = await createScene()

  const refused = await run(`trust init ${server.url.href} --fingerprint ${'0'.repeat(64)}`)

  expect(refused.exitCode).toBe(6)
  expect(refused.stderr).toContain('ERR_KEY_NOT_TRUSTED')
  expect(await run('trust show')).toMatchObject({ exitCode: 2 })
})

test('without a fingerprint the key is shown and asked for on a terminal', async () => {
  const { server, run } = await createScene()
  const init = `trust init ${server.url.href}`

  expect((await run(init)).stderr).toContain('ERR_USAGE')
  expect((await run(`${init} --no-input`, { typed: ['yes\n'] })).exitCode).toBe(2)
  expect((await run(init, { typed: ['no\n'] })).stderr).toContain('ERR_KEY_NOT_TRUSTED')
  const asked = await run(init, { typed: ['yes\n'] })
  expect(asked.exitCode).toBe(0)
  expect(asked.stderr).toContain(fingerprint)
})

test('verify trusts the pinned service by default, and says so', async () => {
  const { server, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)

  const result = await run(`verify ${file} --require-timestamps 1`)

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toContain(`1 key version of ${server.url.href} (sequence 1, signed by kid`)
})

test('who is named on the command line is never mixed with the pinned service', async () => {
  const { server, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  const other = join(createTempFolder(), 'other.pub')
  const pem = testSigner('ES256', 'other').key.keyObject.export({ type: 'spki', format: 'pem' })
  writeFileSync(other, pem)

  const result = await run(`verify ${file} --key ${other}`)

  expect(result.exitCode).toBe(6)
  expect(result.stderr).not.toContain(server.url.href)
})

test('signatures of a retired version verify by time stamp, and those of a revoked one do not', async () => {
  const { server, file, publish, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  const later = { now: new Date(NOW.getTime() + 600_000) }
  const retired = release(1, { state: 'retired', validFor: { start: before(300), end: before(1) } })

  await publish(2, [retired, release(2)])
  expect((await run(`verify ${file}`, later)).exitCode).toBe(0)

  await publish(3, [{ ...retired, state: 'revoked', compromisedSince: before(290) }, release(2)])
  expect((await run('trust update')).exitCode).toBe(0)
  expect((await run(`verify ${file}`, later)).exitCode).toBe(6)
})

test('without the service verify works from the copy, and offline it does not even try', async () => {
  const { server, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  server.failure = 503
  const inDays = (days: number): CliWorld => ({ now: before(-days) })

  expect((await run(`verify ${file}`, inDays(0.9))).exitCode).toBe(0)
  expect((await run(`verify ${file}`, inDays(1))).stderr).toContain('ERR_TRUST_EXPIRED')
  const asked = server.answers.length
  expect((await run(`verify ${file} --offline`, inDays(29.9))).exitCode).toBe(0)
  expect(await run(`verify ${file} --offline`, inDays(30))).toMatchObject({ exitCode: 6 })
  expect(server.answers).toHaveLength(asked)
})

test('--max-trust-age shortens the allowed age, and never lengthens it', async () => {
  const { server, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  const inHours = (hours: number): CliWorld => ({ now: before(-hours / 24) })
  const verify = (options: string, hours: number): Promise<CliResult> =>
    run(`verify ${file} ${options}`, inHours(hours))

  for (const options of ['--max-trust-age 2h', '--offline --max-trust-age 2h']) {
    expect((await verify(options, 1.9)).exitCode).toBe(0)
    expect((await verify(options, 2)).stderr).toContain('ERR_TRUST_EXPIRED')
  }
  expect((await verify('--max-trust-age 90d', 25)).stderr).toContain('ERR_TRUST_EXPIRED')
  expect((await verify('--max-trust-age 2h --key a.pub', 0)).stderr).toContain('ERR_USAGE')
})

test('show and update print when a publication was issued and when it expires', async () => {
  const { server, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)

  for (const line of ['trust show', 'trust update']) {
    const { stdout } = await run(line)
    expect(stdout).toContain('  issued     2026-11-22T10:00:00Z\n')
    expect(stdout).toContain('  expires    2026-11-23T10:00:00Z, offline 2026-12-22T10:00:00Z\n')
  }
  expect(documentOf(await run('trust show --json'))).toMatchObject({
    trust: { issuedAt: '2026-11-22T10:00:00.000Z', expires: '2026-11-23T10:00:00.000Z' },
  })
})

test('a publication that goes back is refused with both numbers', async () => {
  const { server, publish, run } = await createScene()
  await publish(7, [release(1)])
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  await publish(6, [release(1)])

  const result = await run('trust update')

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain('answers with sequence 6, and 7 was seen before')
})

test('a damaged pin is an error, not an absence', async () => {
  const { server, home, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  writeFileSync(join(home, 'trust.json'), '{}')

  expect((await run(`verify ${file}`)).stderr).toContain('ERR_TRUST_INVALID')
})

test('export writes other dialects, and a policy wants to know about which images', async () => {
  const { server, home, publish, run } = await createScene()
  await publish(2, [release(1, { use: 'artifact' }), release(2, { name: 'blobs' })])
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  const path = join(home, 'keys.pem')

  expect((await run(`trust export --output ${path}`)).stdout).toBe('')
  expect(readFileSync(path, 'utf8')).toContain('release@1 (kid ')
  const jwks = await run('trust export release --format jwks')
  expect(jwks.stdout).toContain(testSigner('ES256', 'release 1').key.kid)
  expect(jwks.stdout).not.toContain(testSigner('ES256', 'release 2').key.kid)
  expect((await run('trust export --format kyverno')).exitCode).toBe(2)
  expect((await run('trust export --format kyverno --scope ghcr.io/acme')).exitCode).toBe(0)
})

test('init accepts only a URL, and update and show need a pin', async () => {
  const { run } = await createScene()

  for (const line of ['trust init nonsense', 'trust update', 'trust show', 'trust export']) {
    expect((await run(line)).exitCode).toBe(2)
  }
})

test('the folder is where programs of the user keep their data, unless a variable names another', () => {
  const own = { COUNTERSIGN_HOME: '/own', XDG_DATA_HOME: '/data', HOME: '/u' }

  expect(trustFolder({ env: own })).toBe('/own')
  expect(trustFolder({ env: { ...own, COUNTERSIGN_HOME: '' } })).toBe('/data/countersign')
  expect(trustFolder({ env: { HOME: '/u' } })).toBe('/u/.local/share/countersign')
})

test('without its copy a pin is shown, fetched again when connected, and no trust offline', async () => {
  const { server, home, file, run } = await createScene()
  await run(`trust init ${server.url.href} --fingerprint ${fingerprint}`)
  for (const name of readdirSync(home)) {
    if (name !== 'trust.json') writeFileSync(join(home, name), 'damaged')
  }

  expect((await run('trust show')).stdout).toContain('no copy on this machine')
  expect((await run(`verify ${file} --offline`)).stderr).toContain('ERR_TRUST_STALE')
  expect((await run(`verify ${file}`)).exitCode).toBe(0)
  expect((await run('trust show')).stdout).toMatch(/release@1 {2}digest {2}active {2}ES256/)
})
