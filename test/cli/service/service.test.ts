/** Signing, attesting and issuing with the keys of a service that really runs. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeJwt } from 'jose'
import { changeBehind } from '../../support/changed-text.ts'
import { countersign, documentOf } from '../../support/cli.ts'
import { GITHUB_ISSUER } from '../../support/identity-claims.ts'
import { createLayout } from '../../support/image-layout.ts'
import { SBOM } from '../../support/image-scene.ts'
import { createImage } from '../../support/oci-content.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { type SigningService, startSigningService } from '../../support/signing-service.ts'

/** Pins the trust key of the service for its user. */
async function pin({ folder, url, env, fingerprint }: SigningService): Promise<void> {
  const line = `trust init ${url} --fingerprint ${await fingerprint()}`
  expect((await folder.run(line, { env, now: new Date() })).exitCode).toBe(0)
}

/** Runs a command of the same user that names no service. */
function verify({ folder, env }: SigningService, line: string): ReturnType<SigningService['run']> {
  return folder.run(`verify ${line}`, { env, now: new Date() })
}

/** Changes every answer to a POST on its way to the caller. */
function changing(change: (answer: string) => string): typeof fetch {
  return async (input, init) => {
    const answer = await fetch(input, init)
    if (init?.method !== 'POST') return answer
    const { status, headers } = answer
    return new Response(change(await answer.text()), { status, headers })
  }
}

test('files are signed by digest with a key of the service, and verify with its pinned trust', async () => {
  const service = await startSigningService()
  const { folder, run } = service
  await pin(service)
  folder.write('a.txt', 'a')
  folder.write('b.txt', 'b')

  const signed = await run('sign @a.txt @b.txt --key release')

  expect(signed).toMatchObject({ exitCode: 0, stdout: '@a.txt\n@b.txt\n' })
  expect(signed.stderr).toMatch(
    /^SIGNED {2}@a\.txt\n {2}sha256:\w+\n {2}key {8}release@1 \(ES256\)\n {2}bundle {5}@a\.txt\.sigstore\.json\n {2}log entry {2}\d+\nSIGNED {2}@b\.txt\n/,
  )
  const verified = await verify(service, '@a.txt @b.txt')
  expect(verified.exitCode).toBe(0)
  expect(verified.stderr).toContain('signed  by release@1 (ES256, active) at ')
})

test('a batch is one request and one log entry, and each file verifies with the pinned trust', async () => {
  const service = await startSigningService()
  const { folder, run } = service
  await pin(service)
  const names = Array.from({ length: 150 }, (_, index) => `@f${index}`)
  for (const name of names) folder.write(name.slice(1), name)

  const signed = await run(`sign --batch ${names.join(' ')} --key release --json`)

  const { artifacts } = documentOf<{ artifacts: { ok: boolean; logIndex: number }[] }>(signed)
  expect(artifacts.filter(({ ok }) => ok)).toHaveLength(150)
  expect(new Set(artifacts.map(({ logIndex }) => logIndex)).size).toBe(1)
  expect(await verify(service, '@f7 @f149')).toMatchObject({ exitCode: 0 })
})

test('--json prints the key of the service, its version and the log entries', async () => {
  const service = await startSigningService()
  const { folder, run, url } = service
  folder.write('a.txt', 'a')

  const result = await run('sign @a.txt @missing --key release --json')

  expect(result.exitCode).toBe(2)
  expect(documentOf(result)).toMatchObject({
    key: { kid: 'KID', algorithm: 'ES256', name: 'release', version: 1, server: url },
    warnings: [expect.stringContaining('is pinned')],
    artifacts: [
      { name: '@a.txt', ok: true, logIndex: expect.any(Number) as unknown },
      { name: '@missing', ok: false, error: { code: 'ERR_ARTIFACT_NOT_FOUND' } },
    ],
  })
})

test('signatures of a version fetched as a standby verify at once', async () => {
  const service = await startSigningService()
  const { folder, run } = service
  await pin(service)
  folder.write('a.txt', 'a')
  expect((await run('key rotate release --force --reason drill')).exitCode).toBe(0)

  expect((await run('sign @a.txt --key release')).exitCode).toBe(0)
  const verified = await verify(service, '@a.txt')

  expect(verified.exitCode).toBe(0)
  expect(verified.stderr).toContain('signed  by release@2')
})

test('an image gets its bundle attached, with the requested annotations', async () => {
  const service = await startSigningService()
  await pin(service)
  const layout = `oci-layout://${createLayout({ image: createImage(), tag: '1.0' })}:1.0`

  const signed = await service.run(`sign ${layout} --key release -a env=prod`)

  expect(signed.stderr).toContain('attached   as a bundle, in the layout\n  log entry  ')
  expect(signed.exitCode).toBe(0)
  expect((await verify(service, `${layout} -a env=prod`)).exitCode).toBe(0)
  expect((await verify(service, `${layout} -a env=test`)).exitCode).toBe(4)
})

test('an attestation is made about all artifacts at once', async () => {
  const service = await startSigningService()
  const { folder, run } = service
  await pin(service)
  for (const name of ['a.txt', 'b.txt']) folder.write(name, name)
  folder.write('sbom.json', SBOM)

  const attested = await run(
    'attest @a.txt @b.txt --key release --type cyclonedx --predicate @sbom.json',
  )

  expect(attested.exitCode).toBe(0)
  const bundle = readFileSync(folder.path('a.txt.sigstore.json'), 'utf8')
  expect(readFileSync(folder.path('b.txt.sigstore.json'), 'utf8')).toBe(bundle)
  expect((await verify(service, '@a.txt @b.txt --type cyclonedx')).exitCode).toBe(0)
})

test('a GitHub Actions job signs with its own token, asked for with the service as audience', async () => {
  const { folder, run, issuer, server } = await startSigningService()
  folder.write('a.txt', 'a')
  const job = {
    ACTIONS_ID_TOKEN_REQUEST_URL: issuer.requestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: issuer.requestToken,
  }

  const signed = await run('sign @a.txt --key release', { env: job, now: new Date() })

  expect(signed.exitCode).toBe(0)
  expect(issuer.requests.at(0)).toBe(
    `/token?api-version=2.0&audience=${encodeURIComponent(server.issuer)}`,
  )
  const env = { ...job, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'another' }
  const denied = await run('sign @a.txt --key release --overwrite', { env, now: new Date() })
  expect(denied.exitCode).toBe(8)
  expect(denied.stderr).toContain('permissions: id-token: write')
})

test('the service makes provenance of the verified claims of a workflow', async () => {
  const service = await startSigningService()
  const { folder, run, issuer, env } = service
  await pin(service)
  folder.write('a.txt', 'a')
  folder.write('token', `${await issuer.mint({ iss: GITHUB_ISSUER })}\n`)

  const attested = await run('attest @a.txt --key release --provenance --token-file @token', {
    env: { ...env, COUNTERSIGN_TOKEN: 'another' },
    now: new Date(),
  })

  expect(attested.exitCode).toBe(0)
  expect((await verify(service, '@a.txt --type slsaprovenance1')).exitCode).toBe(0)
})

test('a caller that is not a workflow gets no provenance', async () => {
  const { folder, run } = await startSigningService()
  folder.write('a.txt', 'a')

  const { exitCode, stderr } = await run('attest @a.txt --key release --provenance')

  expect(exitCode).toBe(8)
  expect(stderr).toContain('ERR_NOT_ALLOWED')
})

test.each([
  ['about another file', (text: string) => swapBundles(text), 'ERR_SUBJECT_MISMATCH'],
  [
    'by a key that the service does not publish',
    (text: string) => changeBehind(text, /"kid":"/),
    'ERR_KEY_NOT_TRUSTED',
  ],
  [
    'with a malformed signature',
    (text: string) => changeBehind(text, /"sig":".{20}/),
    /ERR_(SIGNATURE|ENVELOPE|TIMESTAMP)_INVALID/,
  ],
])('a service’s answer %s is not written', async (_, change, code) => {
  const { folder, run } = await startSigningService()
  folder.write('a.txt', 'a')
  folder.write('b.txt', 'b')

  const result = await run('sign @a.txt @b.txt --key release', { fetch: changing(change) })

  expect(result.stderr).toMatch(code)
  expect(result.stderr).toContain('nothing was released')
  expect(result.exitCode).toBeGreaterThan(2)
  expect(() => readFileSync(folder.path('a.txt.sigstore.json'))).toThrow('ENOENT')
})

function swapBundles(text: string): string {
  const answer = JSON.parse(text) as { results: { bundle: object }[] }
  const bundles = answer.results.map(({ bundle }) => bundle).toReversed()
  const results = answer.results.map((result, index) => ({ ...result, bundle: bundles[index] }))
  return JSON.stringify({ ...answer, results })
}

test('an attestation that differs from the request is not written', async () => {
  const { folder, run } = await startSigningService()
  folder.write('a.txt', 'a')
  folder.write('sbom.json', SBOM)
  const asking: typeof fetch = (input, init) => {
    const body = typeof init?.body === 'string' ? init.body.replace('"1.6"', '"1.5"') : null
    return fetch(input, { ...init, body })
  }

  const line = 'attest @a.txt --key release --type cyclonedx --predicate @sbom.json'
  const result = await run(line, { fetch: asking })

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('ERR_PREDICATE_INVALID')
})

test('without a pinned trust key the output names the key that checked the signature', async () => {
  const { folder, run } = await startSigningService()
  folder.write('a.txt', 'a')

  const { exitCode, stderr } = await run('sign @a.txt --key release')

  expect(exitCode).toBe(0)
  expect(stderr).toContain('is pinned, so what it signs is checked with the keys it answers with')
})

test('a token is issued by the service, checked with its JWKS, and alone on stdout', async () => {
  const { folder, run, url } = await startSigningService()
  folder.write('token', 'not-a-token')

  const issued = await run('token issue --key sessions --audience api --subject alice')

  expect(issued.exitCode).toBe(0)
  expect(decodeJwt(issued.stdout.trim())).toMatchObject({ iss: url, aud: 'api', sub: 'alice' })
  const json = await run('token issue --key sessions --audience api --lifetime 1m --json')
  expect(documentOf(json)).toMatchObject({ key: { name: 'sessions', version: 1, server: url } })
  const refused = await run('token issue --key sessions --audience api --lifetime 30d')
  expect(refused.exitCode).toBe(4)
  expect(refused.stderr).toContain('ERR_CLAIMS_NOT_ALLOWED')
  const denied = await run('token issue --key sessions --audience api --token-file @token')
  expect(denied.exitCode).toBe(8)
  expect(denied.stderr).toContain('ERR_NOT_AUTHENTICATED')
})

test('a token for another audience than requested is not printed', async () => {
  const { run } = await startSigningService()
  const asking: typeof fetch = (input, init) => {
    const body = typeof init?.body === 'string' ? init.body.replace('api', 'bank') : null
    return fetch(input, { ...init, body })
  }

  const result = await run('token issue --key sessions --audience api', { fetch: asking })

  expect(result).toMatchObject({ exitCode: 4, stdout: '' })
  expect(result.stderr).toContain('ERR_JWT_CLAIM_MISMATCH')
})

test.each([
  ['log', '127\\.0\\.0\\.1', 'all published keys follow from the log'],
  ['audit', '127\\.0\\.0\\.1:\\d+/audit', 'are in the transparency log, which has no others'],
])(
  'the %s of the pinned service is verified with the key that its trust names',
  async (log, origin, held) => {
    const service = await startSigningService()
    const { folder, run, url, env } = service
    folder.write('a.txt', 'a')
    expect((await run('sign @a.txt --key release')).exitCode).toBe(0)
    const unpinned = await run(`${log} verify`)
    await pin(service)

    expect(unpinned.exitCode).toBe(2)
    expect(unpinned.stderr).toContain('[ERR_USAGE]')
    const verified = await run(`${log} verify`)
    expect(verified.exitCode).toBe(0)
    expect(verified.stdout).toMatch(
      new RegExp(`^PASSED {2}${origin}\n {2}entries +all \\d+ present and unchanged\n`),
    )
    expect(verified.stdout).toContain(held)
    const other = await folder.run(`${log} verify --server http://127.0.0.1:1`, { env })
    expect(other).toMatchObject({ exitCode: 2 })
    await folder.run(`${log} export @log --server ${url}`, { env })
    const offline = await folder.run(`${log} verify @log`, {
      env: { ...env, COUNTERSIGN_TOKEN: '' },
      now: new Date(),
    })
    expect(offline.exitCode).toBe(0)
  },
)

test('a signature is in both logs; its caller is in the audit log only', async () => {
  const { folder, run } = await startSigningService()
  folder.write('a.txt', 'a')
  await run('sign @a.txt --key release')

  const audit = await run('audit show --type signature')
  // Checkpoints come after commits.
  const shown = async (): Promise<string> => (await run('log show --type signature')).stdout
  await expect
    .poll(shown, { timeout: 20_000 })
    .toMatch(/^ +\d+ {2}signature {2}kid \S+…\n +sha256:[0-9a-f]{64}\n$/)

  expect(audit.stdout).toMatch(
    /^ +\d+ {2}\S+ {2}signature .*\n +sha256:.*\n +by tester \(static\)$/m,
  )
  expect((await run('log show --json')).stdout).not.toContain('tester')
})

test('a caller that may sign but not readLog cannot read the audit log', async () => {
  const { folder, run } = await startSigningService({
    policies: 'permit (principal, action in [Action::"signing", Action::"reading"], resource);\n',
  })
  folder.write('a.txt', 'a')

  expect((await run('sign @a.txt --key release')).exitCode).toBe(0)
  for (const command of ['show', 'export @saved']) {
    const { exitCode, stderr, stdout } = await run(`audit ${command}`)
    expect({ exitCode, stdout }).toEqual({ exitCode: 8, stdout: '' })
    expect(stderr).toContain('[ERR_NOT_ALLOWED]')
  }
  expect((await run('log show')).exitCode).toBe(0)
})

test('trust show names the keys of both logs, and logs whose keys were rotated verify still', async () => {
  const service = await startSigningService()
  const { folder, run, env } = service
  await pin(service)
  for (const key of ['log', 'audit'])
    expect((await run(`key rotate ${key} --force --reason drill`)).exitCode).toBe(0)
  expect((await folder.run('trust update', { env, now: new Date() })).exitCode).toBe(0)

  const shown = await folder.run('trust show', { env, now: new Date() })
  const verified = await run('log verify')
  const audited = await run('audit verify')

  const vkeys = [...shown.stdout.matchAll(/^ {2}log key +(127\.0\.0\.1\+[0-9a-f]{8}\+\S+)$/gm)]
  expect(vkeys.length).toBeGreaterThanOrEqual(2)
  expect(verified.exitCode).toBe(0)
  for (const [, vkey = ''] of vkeys) expect(verified.stderr).toContain(vkey.slice(0, -45))
  expect(audited.exitCode).toBe(0)
  const auditKeys = [...shown.stdout.matchAll(/^ {2}audit key\s+(\S+\/audit\+[0-9a-f]{8}\+\S+)$/gm)]
  expect(auditKeys.length).toBeGreaterThanOrEqual(2)
  for (const [, vkey = ''] of auditKeys) expect(audited.stderr).toContain(vkey.slice(0, -45))
})

test.each([
  ['sign a --key file:key.pem --server https://s.example', 'ERR_USAGE'],
  ['sign a --key release --server nowhere', 'ERR_USAGE'],
  ['sign a --key release --server http://s.example', 'ERR_USAGE'],
  ['sign a --key release --algorithm ES256 --server https://s.example', 'ERR_USAGE'],
  ['sign a --key release --token-file t', 'ERR_USAGE'],
  ['attest a --key release', 'ERR_USAGE'],
  ['attest a --key release --provenance', 'ERR_USAGE'],
  ['token issue --key s --audience a --server https://s.example --algorithm ES256', 'ERR_USAGE'],
  ['token issue --key s.pem --audience a --issuer https://i --added-claim b', 'ERR_USAGE'],
])('%s ends with %s', async (line, code) => {
  const { exitCode, stderr } = await countersign(line.split(' '))

  expect(exitCode).toBe(2)
  expect(stderr).toContain(`[${code}]`)
})

test.each([[{}], [{ COUNTERSIGN_TOKEN: 'two words' }]])(
  'a missing token is reported with the places that were searched (%o)',
  async (env) => {
    const { folder, run } = await startSigningService()
    folder.write('a.txt', 'a')

    const { exitCode, stderr } = await run('sign @a.txt --key release', { env })

    expect(exitCode).toBe(8)
    expect(stderr).toContain('ERR_NOT_AUTHENTICATED')
  },
)

test('a service that does not answer is a failure', async () => {
  const { url } = await startLoopbackServer(() => ({ status: 503, body: '' }))

  const line = `sign ${import.meta.filename} --bundle /nowhere/x --key release --server ${url}`
  const { exitCode } = await countersign(line.split(' '), { env: { COUNTERSIGN_TOKEN: 't' } })

  expect(exitCode).toBe(7)
})
