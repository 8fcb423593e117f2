import { jwtVerify } from 'jose'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type CliResult, documentOf, NOW } from '../../support/cli.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'

const WHO = '--issuer https://sign.example.com --audience api'

/** A folder with a key, a token of it and its key set. */
async function createScene(): Promise<SigningFolder & { readonly token: string }> {
  const folder = createSigningFolder()
  folder.key('sessions')
  await folder.run('key export @sessions.pem --format jwks --output @jwks.json')
  const key = `--key ${folder.path('sessions.pem')}`
  const { stdout } = await folder.run(`token issue ${key} ${WHO} --subject job-7`)
  folder.write('token', stdout)
  return { ...folder, token: stdout.trim() }
}

test('an issued token is alone on stdout, and jose verifies it', async () => {
  const folder = createSigningFolder()
  folder.key('sessions')
  folder.write('claims.json', '{"roles":["reader"],"level":3}')

  const { exitCode, stdout, stderr } = await folder.run(
    `token issue --key @sessions.pem ${WHO} --subject job-7 --claims @claims.json --claim team=acme --lifetime 5m --type at+jwt`,
  )

  expect(exitCode).toBe(0)
  expect(stderr).toBe(`ISSUED  token for api
  key      kid KID…
  expires  2026-11-22T10:05:00Z
  note     a bearer token: pass it on in a pipe or a file, never in a log
`)
  const key = createPublicKey(readFileSync(folder.path('sessions.pub')))
  const { payload, protectedHeader } = await jwtVerify(stdout.trim(), key, { currentDate: NOW })
  expect(payload).toMatchObject({ sub: 'job-7', roles: ['reader'], level: 3, team: 'acme' })
  expect(payload).toMatchObject({ iss: 'https://sign.example.com', aud: 'api' })
  expect(payload.jti).toMatch(/^[\w-]{22}$/)
  expect(protectedHeader.typ).toBe('at+jwt')
})

test('two tokens never have the same jti', async () => {
  const folder = createSigningFolder()
  folder.key('sessions')
  const issue = async (): Promise<string> =>
    documentOf<{ jti: string }>(await folder.run(`token issue --key @sessions.pem ${WHO} --json`))
      .jti

  expect(await issue()).not.toBe(await issue())
})

test('several audiences, and claims from standard input', async () => {
  const folder = createSigningFolder()
  folder.key('sessions')
  const issued = await folder.run(
    `token issue --key @sessions.pem ${WHO} --audience other --claims -`,
    { stdin: '{"a":1}' },
  )
  const { stdout } = await folder.run('token inspect -', { stdin: issued.stdout })

  expect(JSON.parse(stdout)).toMatchObject({ claims: { aud: ['api', 'other'], a: 1 } })
})

test('a named key says its longest lifetime, and the configuration who issues', async () => {
  const folder = createSigningFolder()
  folder.key('sessions')
  folder.key('release')
  const config = folder.write(
    'c.yaml',
    `issuer: https://sign.example.com
keys:
  sessions: { use: token, provider: "file:${folder.path('sessions.pem')}", maxTokenLifetime: 15m }
  release: { use: artifact, provider: "file:${folder.path('release.pem')}" }
`,
  )
  const issue = (line: string): Promise<{ exitCode: number; stderr: string }> =>
    folder.run(`token issue --config ${config} --audience api ${line}`)

  expect(await issue('--key sessions --lifetime 15m')).toMatchObject({ exitCode: 0 })
  const tooLong = await issue('--key sessions --lifetime 16m')
  expect(tooLong).toMatchObject({ exitCode: 4 })
  expect(tooLong.stderr).toContain('live 900 s at most, not 960 s [ERR_CLAIMS_NOT_ALLOWED]')
  const wrongUse = await issue('--key release')
  expect(wrongUse).toMatchObject({ exitCode: 6 })
  expect(wrongUse.stderr).toContain('ERR_KEY_NOT_USABLE')
})

test('a named key has its type and its claims by the configuration', async () => {
  const folder = createSigningFolder()
  folder.key('k')
  const provider = `provider: "file:${folder.path('k.pem')}"`
  const claims = '{ forced: { tenant: acme }, allowed: [sub] }'
  const config = folder.write(
    'c.yaml',
    `keys: { sessions: { use: token, ${provider}, tokenType: at+jwt, claims: ${claims} } }`,
  )
  const issue = `token issue --key sessions --config ${config} ${WHO}`

  const { stdout } = await folder.run(`${issue} --subject job-7`)
  const inspected = await folder.run('token inspect -', { stdin: stdout })
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    header: { typ: 'at+jwt' },
    claims: { sub: 'job-7', tenant: 'acme' },
  })
  expect(await folder.run(`${issue} --claim role=admin`)).toMatchObject({ exitCode: 4 })
  expect(await folder.run(`${issue} --type JWT`)).toMatchObject({ exitCode: 2 })
})

test.each([
  ['no issuer', 'token issue --key @k.pem --audience api', /no issuer given/],
  ['no audience', 'token issue --key @k.pem --issuer https://i', /--audience/],
  ['a claim twice', `token issue --key @k.pem ${WHO} --claims @c.json --claim a=1`, /"a".*twice/],
  ['claims that are no object', `token issue --key @k.pem ${WHO} --claims @list.json`, /no claims/],
  ['claims that are no JSON', `token issue --key @k.pem ${WHO} --claims @k.pem`, /no claims/],
  ['a lifetime without a unit', `token issue --key @k.pem ${WHO} --lifetime 10`, /duration/],
  ['no token', `token verify ${WHO} --jwks @jwks.json`, /no token/],
  ['two tokens', `token verify - --token-file @t ${WHO} --key @k.pub`, /two tokens/],
  ['no trusted key', `token verify - ${WHO}`, /no trusted key given/],
])('%s is a mistake on the command line', async (_, line, message) => {
  const folder = createSigningFolder()
  folder.key('k')
  folder.write('c.json', '{"a":2}')
  folder.write('list.json', '[]')
  folder.write('jwks.json', '{"keys":[]}')

  const { exitCode, stdout, stderr } = await folder.run(line)

  expect([exitCode, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(message)
})

test('verifying prints the criteria, then the verdict, and the claims on stdout', async () => {
  const scene = await createScene()

  const { exitCode, stdout, stderr } = await scene.run(
    `token verify - ${WHO} --jwks @jwks.json --clock-skew 0`,
    { stdin: scene.token },
  )

  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^Criteria:\n {2}trusted {5}1 key of @jwks.json \(kid KID…\)\n/)
  expect(stderr.split('\n').slice(2, -1)).toEqual([
    '  issuer      https://sign.example.com',
    '  audience    api',
    '  type        JWT',
    '  clock skew  at most 0 s',
    'PASSED  token of job-7',
    '  signed   by kid KID… (ES256)',
    '  expires  2026-11-22T10:10:00Z',
  ])
  expect(JSON.parse(stdout)).toMatchObject({ sub: 'job-7', aud: 'api' })
})

test('a token in a file verifies with a public key; with -v every check is listed', async () => {
  const scene = await createScene()

  const { exitCode, stderr } = await scene.run(
    `token verify --token-file @token ${WHO} --key @sessions.pub -v`,
  )

  expect(exitCode).toBe(0)
  expect(stderr).toContain('    signature  ES256\n    type       JWT\n')
})

test('a token on the command line is verified with a warning', async () => {
  const scene = await createScene()

  const { exitCode, stderr } = await scene.run(
    `token verify ${scene.token} ${WHO} --jwks @jwks.json`,
  )

  expect(exitCode).toBe(0)
  expect(stderr).toContain('warning: other users of this machine can read a token')
  expect(stderr).not.toContain(scene.token)
})

test.each([
  ['another audience', '--issuer https://sign.example.com --audience web', 'web', 'api'],
  ['another issuer', '--issuer https://other --audience api', 'https://other', 'https://sign'],
  ['another type', `${WHO} --type at+jwt`, 'at+jwt', 'JWT'],
])('a token of %s ends with what was expected and what was found', async (_, who, ...values) => {
  const scene = await createScene()
  const result = await scene.run(`token verify - ${who} --jwks @jwks.json`, { stdin: scene.token })

  expect([result.exitCode, result.stdout]).toEqual([4, ''])
  const [, verdict] = result.stderr.split(/^FAILED {2}(?=token\n {2}error .*ERR_JWT_CLAIM_MIS)/m)
  for (const value of values) expect(verdict).toContain(value)
})

test('exit statuses tell a broken, an unknown and an expired token apart', async () => {
  const scene = await createScene()
  scene.key('other')
  const verify = async (token: string, keys: string, now = NOW): Promise<number> =>
    (await scene.run(`token verify - ${WHO} ${keys}`, { stdin: token, now })).exitCode
  const broken = scene.token.replace(/\.(.)/, (_, first: string) => `.${first === 'A' ? 'B' : 'A'}`)

  expect(await verify('no.token', '--jwks @jwks.json')).toBe(3)
  expect(await verify(broken, '--key @sessions.pub')).toBe(3)
  expect(await verify(scene.token, '--key @other.pub')).toBe(6)
  expect(await verify(scene.token, '--key @sessions.pub', new Date('2027-01-01'))).toBe(6)
})

test('the result is a document, without the token in it', async () => {
  const scene = await createScene()

  const result = await scene.run(`token verify - --json ${WHO} --jwks @jwks.json`, {
    stdin: scene.token,
  })

  expect(result.stdout).not.toContain(scene.token.split('.')[2])
  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/token-verify-result/v1',
    ok: true,
    exitCode: 0,
    token: {
      ok: true,
      key: { algorithm: 'ES256' },
      claims: { sub: 'job-7' },
      expires: '2026-11-22T10:10:00Z',
      checks: ['token', 'key', 'signature', 'type', 'issuer', 'audience', 'lifetime'].map((id) => ({
        id,
        ok: true,
      })),
    },
  })
})

test('a failed verification is a document too', async () => {
  const scene = await createScene()

  const result = await scene.run(
    `token verify - --json --issuer any --audience web --jwks @jwks.json`,
    { stdin: scene.token },
  )

  expect(documentOf(result)).toMatchObject({
    ok: false,
    exitCode: 4,
    token: { ok: false, error: { code: 'ERR_JWT_CLAIM_MISMATCH' } },
  })
  expect(documentOf<{ token: object }>(result).token).not.toHaveProperty('claims')
})

test('a key set is fetched from its address', async () => {
  const scene = await createScene()
  const body = readFileSync(scene.path('jwks.json'))
  const server = await startLoopbackServer(() => ({ status: 200, body }))

  const { exitCode, stderr } = await scene.run(
    `token verify - ${WHO} --jwks ${server.url}/.well-known/jwks.json`,
    { stdin: scene.token, env: { COUNTERSIGN_HOME: scene.path('home') } },
  )

  expect(exitCode).toBe(0)
  expect(stderr).toContain('/.well-known/jwks.json (')
  expect(server.requests).toHaveLength(1)
})

test('a fetched key set is kept, and used while its issuer does not answer', async () => {
  const scene = await createScene()
  const body = readFileSync(scene.path('jwks.json'))
  let isUp = true
  const server = await startLoopbackServer(() => ({ status: isUp ? 200 : 503, body }))
  const verify = async (minutes: number): Promise<number> => {
    const { exitCode } = await scene.run(
      `token verify - ${WHO} --jwks ${server.url}/.well-known/jwks.json`,
      {
        stdin: scene.token,
        env: { COUNTERSIGN_HOME: scene.path('home') },
        now: new Date(NOW.getTime() + minutes * 60_000),
      },
    )
    return exitCode
  }

  expect(await verify(0)).toBe(0)
  isUp = false
  expect(await verify(5)).toBe(0)
})

test('a token of an unknown key has the key set fetched again', async () => {
  const scene = await createScene()
  const known = readFileSync(scene.path('jwks.json'))
  const bodies: readonly (string | Buffer)[] = ['{"keys":[]}', known]
  const server = await startLoopbackServer((request) => ({
    status: 200,
    body: bodies[server.requests.indexOf(request)] ?? known,
  }))
  const run = (minutes: number): Promise<CliResult> =>
    scene.run(`token verify - ${WHO} --jwks ${server.url}/jwks.json`, {
      stdin: scene.token,
      env: { COUNTERSIGN_HOME: scene.path('home') },
      now: new Date(NOW.getTime() + minutes * 60_000),
    })

  // A set that was just fetched is not fetched again: an attacker can invent key IDs.
  const first = await run(0)
  const second = await run(1)

  expect(first.exitCode).toBe(6)
  expect(second.exitCode).toBe(0)
  expect(server.requests).toHaveLength(2)
})

test('a key set from the network without TLS is refused', async () => {
  const scene = await createScene()

  const { exitCode, stderr } = await scene.run(
    `token verify - ${WHO} --jwks http://sign.example.com/jwks.json`,
    { stdin: scene.token },
  )

  expect(exitCode).toBe(2)
  expect(stderr).toContain('ERR_KEY_URI_INVALID')
})

test('inspecting shows the content of a token, after a warning that it is not verified', async () => {
  const scene = await createScene()
  const [header = '', payload = ''] = scene.token.split('.')

  const result = await scene.run('token inspect -', { stdin: `${header}.${payload}.AAAA\n` })

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toMatch(/^NOT VERIFIED {2}token\n[^]*hint +its content may be forged/)
  expect(JSON.parse(result.stdout)).toMatchObject({
    header: { alg: 'ES256' },
    claims: { sub: 'job-7' },
  })
})

test('inspecting tells whether the time of a token is over', async () => {
  const scene = await createScene()
  const inspect = (now: Date): Promise<{ stderr: string }> =>
    scene.run('token inspect --token-file @token', { now })

  expect((await inspect(NOW)).stderr).toContain('expires  2026-11-22T10:10:00Z, as it states\n')
  expect((await inspect(new Date('2027-01-01'))).stderr).toContain('expired  2026')
})

test('an inspection as a document says that nothing is verified', async () => {
  const scene = await createScene()

  const result = await scene.run('token inspect --json --token-file @token')

  expect(documentOf(result)).toMatchObject({ verified: false, claims: { sub: 'job-7' } })
  expect(result.stderr).toBe('')
})

test('a malformed token is not shown', async () => {
  const { exitCode, stderr } = await createSigningFolder().run('token inspect -', { stdin: 'eyJ' })

  expect(exitCode).toBe(3)
  expect(stderr).toContain('[ERR_JWT_INVALID]')
})

test('a token of an RSA key without an algorithm verifies for the algorithms that are named', async () => {
  const folder = createSigningFolder()
  folder.key('rsa', 'RS256')
  await folder.run('key export @rsa.pem --format jwks --output @set.json')
  const [jwk] = (JSON.parse(readFileSync(folder.path('set.json'), 'utf8')) as { keys: [object] })
    .keys
  folder.write('jwks.json', JSON.stringify({ keys: [{ ...jwk, alg: undefined }] }))
  const key = `--key ${folder.path('rsa.pem')}`
  const { stdout } = await folder.run(`token issue ${key} --algorithm PS384 ${WHO}`)
  folder.write('token', stdout)
  const verify = async (options: string): Promise<number> =>
    (await folder.run(`token verify --token-file @token ${WHO} ${options}`)).exitCode

  expect(
    await folder.run(`token verify --token-file @token ${WHO} --jwks @jwks.json`),
  ).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('--algorithm PS384') as string,
  })
  expect(await verify('--jwks @jwks.json --algorithm RS384')).toBe(3)
  expect(await verify('--jwks @jwks.json --algorithm PS384')).toBe(0)
  expect(await verify('--jwks @jwks.json --algorithm RS384 --algorithm PS384')).toBe(0)
  expect(await verify('--key @rsa.pub --algorithm RS256 --algorithm PS384')).toBe(0)
  expect(await verify('--key @rsa.pub --algorithm RS256')).toBe(3)
})

test('a key that is used as Ed25519 issues tokens of that name, which verify by either', async () => {
  const folder = createSigningFolder()
  folder.key('ed', 'Ed25519')
  const key = `--key ${folder.path('ed.pem')}`
  const issued = await folder.run(`token issue ${key} --algorithm Ed25519 ${WHO}`)
  folder.write('token', issued.stdout)
  const { stdout } = await folder.run('token inspect - --json', { stdin: issued.stdout })

  expect(JSON.parse(stdout)).toMatchObject({ header: { alg: 'Ed25519' } })
  for (const algorithm of ['EdDSA', 'Ed25519']) {
    const exported = `key export @ed.pem --format jwks --algorithm ${algorithm} --output @${algorithm}.json`
    const verify = `token verify --token-file @token ${WHO} --jwks @${algorithm}.json`
    expect(await folder.run(exported)).toMatchObject({ exitCode: 0 })
    expect(await folder.run(verify)).toMatchObject({ exitCode: 0 })
  }
})
