import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentOf } from '../../support/cli.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../../support/identity-claims.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'
import { RELEASE_POLICY } from '../../access/policies.ts'

function createScene(policy: string = RELEASE_POLICY): SigningFolder {
  const folder = createSigningFolder()
  mkdirSync(folder.path('policies'))
  folder.write('policies/release.cedar', policy)
  folder.write(
    'c.yaml',
    `keys:
  release: { use: artifact, provider: file:/release.pem }
  sessions: { use: token, provider: file:/sessions.pem }
access:
  policies: ${folder.path('policies')}
`,
  )
  folder.write('claims.json', JSON.stringify({ ...GITHUB_CLAIMS, iss: GITHUB_ISSUER }))
  return folder
}

const SIGN_ONLY = 'permit(principal, action == Action::"sign", resource);\n'

test('policy check says that good policies are good', async () => {
  const folder = createScene(SIGN_ONLY)

  expect(await folder.run('policy check --config @c.yaml')).toMatchObject({
    exitCode: 0,
    stdout: 'PASSED  1 policy\n',
  })
})

test.each([
  ['an action of its own', 'action == Action::"attest"', ''],
  ['a list of actions', 'action in [Action::"sign", Action::"attest"]', ''],
  ['a group of actions', 'action in Action::"signing"', ''],
  ['every action', 'action', ''],
  ['a condition about something else', 'action', 'when { principal has ref }'],
])('policy check warns of attestations by %s without their types', async (_, action, clause) => {
  const folder = createScene(`${SIGN_ONLY}permit(principal, ${action}, resource) ${clause};\n`)

  const { exitCode, stdout } = await folder.run('policy check @policies')
  const json = await folder.run('policy check @policies --json')

  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /^PASSED {2}2 policies\n.*release\.cedar:2:1: warning: permits .*\n {2}hint: .*\n$/,
  )
  expect(documentOf(json)).toMatchObject({ ok: true, problems: [], warnings: [{ line: 2 }] })
})

test.each([
  'permit(principal, action == Action::"attest", resource) when { context.provenance };',
  'permit(principal, action == Action::"attest", resource) when { context.predicateType == "x:y" };',
  'permit(principal, action, resource) unless { context has predicateType };',
  'permit(principal, action in Action::"administration", resource);',
  'forbid(principal, action, resource);',
])('policy check is silent about %s', async (policy) => {
  const folder = createScene(policy)

  expect((await folder.run('policy check @policies')).stdout).toBe('PASSED  1 policy\n')
})

test('policy check prints every mistake with its place and a hint, and ends with 2', async () => {
  const folder = createScene(
    'permit(principal, action == Action::"sgn", resource);\npermit(principal, action, resource) when { resource.nam == "x" };\n',
  )

  const { exitCode, stdout } = await folder.run('policy check @policies')

  expect(exitCode).toBe(2)
  expect(stdout).toMatch(
    /release\.cedar:1:29: unrecognized action `Action::"sgn"`\n {2}hint: did you mean `Action::"sign"`\?\n/,
  )
  expect(stdout).toMatch(/release\.cedar:2:44: /)
})

test('policy check --json prints the mistakes as one document', async () => {
  const folder = createScene('permit(')

  const result = await folder.run('policy check @policies --json')

  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/policy-check/v1',
    ok: false,
    exitCode: 2,
    policies: 0,
    problems: [{ line: 1, column: 8 }],
  })
})

test('policy check without a folder anywhere says where to name it', async () => {
  const folder = createSigningFolder()
  folder.write('c.yaml', '{}')

  const { exitCode, stderr } = await folder.run('policy check --config @c.yaml')

  expect(exitCode).toBe(2)
  expect(stderr).toContain('access.policies')
})

test('policy test says which policy permits a request', async () => {
  const folder = createScene()
  const line = 'policy test --config @c.yaml --claims @claims.json --action sign --key release'

  expect(await folder.run(line)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(
      /^ALLOWED {2}sign release\n {2}permitted by {2}"release-from-main" \(.*release\.cedar:1:1\)\n$/,
    ) as string,
  })
})

test('policy test says what was missing, and ends with 8', async () => {
  const folder = createScene()
  folder.write('claims.json', JSON.stringify({ ...GITHUB_CLAIMS, iss: GITHUB_ISSUER, ref: 'x' }))
  const line = 'policy test --config @c.yaml --claims @claims.json --action sign --key release'

  const { exitCode, stdout } = await folder.run(line)

  expect(exitCode).toBe(8)
  expect(stdout).toMatch(/^DENIED {2}sign release\n {2}policy +"release-from-main" \(.*\)\n/)
  expect(stdout).toContain(
    '  permits if  principal.ref == "refs/heads/main"\n  but         principal.ref is "x"\n',
  )
})

test('policy test decides about annotations, and says which there were', async () => {
  const folder = createScene(`permit(principal, action == Action::"sign", resource)
when { ["release"].containsAll(context.annotations.names) };`)
  const test = (annotations: object) => {
    folder.write('context.json', JSON.stringify({ subjects: [{ name: 'a', annotations }] }))
    const line = 'policy test --config @c.yaml --claims @claims.json --action sign --key release'
    return folder.run(`${line} --context @context.json`)
  }

  expect(await test({ release: '1.4' })).toMatchObject({ exitCode: 0 })
  expect(await test({ env: 'production' })).toMatchObject({
    exitCode: 8,
    stdout: expect.stringContaining('but         context.annotations.names is ["env"]') as string,
  })
})

test('policy test --json says the decision as one document', async () => {
  const folder = createScene()
  const line =
    'policy test --config @c.yaml --claims @claims.json --action issueToken --key sessions'

  const result = await folder.run(`${line} --json`)

  expect(result.exitCode).toBe(8)
  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/policy-test/v1',
    ok: false,
    decision: 'deny',
    policies: [],
    missed: [],
    reason: expect.stringContaining('no policy permits this action on this key') as string,
  })
})

test('policy test takes the rest of the request from a file', async () => {
  const folder = createScene(
    'permit(principal, action == Action::"attest", resource) when { context.subject.name == "app" && context.predicateType == "t" && context.provenance };',
  )
  folder.write(
    'context.json',
    JSON.stringify({ subjects: [{ name: 'app' }], predicateTypes: ['t'], provenance: true }),
  )
  const line = 'policy test --config @c.yaml --claims @claims.json --action attest --key release'

  expect((await folder.run(`${line} --context @context.json`)).exitCode).toBe(0)
  expect((await folder.run(line)).exitCode).toBe(8)
})

test.each([
  ['an unknown action', '--action sing --key release', 'did you mean "sign"?'],
  ['an unknown key', '--action sign --key relase', 'did you mean "release"?'],
  ['no key', '--action sign', 'add --key NAME'],
  [
    'a context with a misspelling',
    '--action sign --key release --context @bad.json',
    'unknown member "subject"',
  ],
  [
    'no action to approve',
    '--action approve --key release --context @approve.json',
    'no action that can be approved',
  ],
  ['half a second', '--action issueToken --key sessions --context @half.json', 'no whole number'],
  ['claims without an issuer', '--action sign --key release --claims @bad.json', 'iss is missing'],
])('policy test with %s says so', async (_what, options, message) => {
  const folder = createScene()
  folder.write('bad.json', '{"subject":[]}')
  folder.write('approve.json', '{"approvedAction":"sign"}')
  folder.write('half.json', '{"lifetimeSeconds":0.5}')

  const { exitCode, stderr } = await folder.run(
    `policy test --config @c.yaml --claims @claims.json ${options}`,
  )

  expect(exitCode).not.toBe(0)
  expect(stderr).toContain(message)
})

test.each(['readKeys', 'revokeKey', 'createKey'])(
  'policy test decides about %s',
  async (action) => {
    const folder = createScene('permit(principal, action, resource);')
    const line = `policy test --config @c.yaml --claims @claims.json --action ${action} --key release`

    expect((await folder.run(line)).exitCode).toBe(0)
  },
)
