/**
 * Provenance that a caller wrote and the key of the service signed: it never counts as the service's own.
 *
 * @packageDocumentation
 */
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/formats/json.ts'
import { toGithubProvenance } from '../../src/formats/predicates/github-provenance.ts'
import type { ActionResult } from '../../src/testing.ts'
import { readAudit } from '../support/audit-log.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../support/identity-claims.ts'
import { type ActionScene, startActionScene } from '../support/runner/scene.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { type SigningService, startSigningService } from '../support/signing-service.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const PROVENANCE = 'https://slsa.dev/provenance/v1'
const WORKFLOW = '.github/workflows/ci.yml'
/** What the gates demand, and the attacker's job is not. */
const GATE = { repository: 'acme/payments', workflow: WORKFLOW }
const GATE_LINE = `--repository ${GATE.repository} --workflow ${WORKFLOW}`

/** What the service would say of a job of the demanded repository. */
function forge(builderId?: string): JsonObject {
  const source = {
    repository: GATE.repository,
    workflow_ref: `${GATE.repository}/${WORKFLOW}@refs/heads/main`,
  }
  return toGithubProvenance(GITHUB_ISSUER, { ...GITHUB_CLAIMS, ...source }, builderId)
}

interface Answer {
  readonly status: number
  readonly body: { readonly code?: string; readonly bundle?: object }
}

async function post(
  url: string,
  authorization: string,
  said: { readonly predicateType: string; readonly predicate: object },
): Promise<Answer> {
  const response = await fetch(`${url}/v1/keys/release/attestations`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      subjects: [{ name: 'app', digest: `sha256:${hash('sha256', 'a program')}` }],
      ...said,
    }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

async function attestInAction(scene: ActionScene, predicate?: object): Promise<string> {
  writeFileSync(join(scene.workspace, 'app'), 'a program')
  const said = predicate && { 'predicate-type': PROVENANCE, predicate: JSON.stringify(predicate) }
  const inputs = { server: scene.server, key: 'release', 'subject-path': 'app', ...said }
  const { outputs } = await scene.run({ inputs })
  return outputs['bundle-path'] ?? 'nothing was attested'
}

function verifyInAction(
  scene: ActionScene,
  inputs: Readonly<Record<string, string>>,
): Promise<ActionResult> {
  const common = { mode: 'verify', trust: scene.server, 'subject-path': 'app' }
  return scene.run({ inputs: { ...common, ...inputs } })
}

/** Pins the service and puts a bundle beside the file `app`. */
async function receive({ folder, env, url, fingerprint }: SigningService, bundle: object) {
  folder.write('app', 'a program')
  folder.write('app.sigstore.json', JSON.stringify(bundle))
  const world = { env: { COUNTERSIGN_HOME: env['COUNTERSIGN_HOME'] ?? '' }, now: new Date() }
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, world)
  return (line: string) => folder.run(`verify @app ${line}`, world)
}

test('provenance by a caller passes no gate of the Action', async () => {
  const scene = await startActionScene('source')
  const bundle = await attestInAction(scene, forge())

  const step = await verifyInAction(scene, { bundle, ...GATE })

  expect(step).toMatchObject({ exitCode: 4, outputs: { verified: 'false' } })
  expect(step.annotations[0]?.title).toBe('countersign ERR_IDENTITY_MISMATCH')
})

test('provenance by a caller passes a gate of the Action that names its builder, and no other', async () => {
  const scene = await startActionScene('source')
  const bundle = await attestInAction(scene, forge())
  const builder = `https://github.com/${String(GITHUB_CLAIMS['job_workflow_ref']).split('@')[0] ?? ''}`

  const named = await verifyInAction(scene, { bundle, ...GATE, builder })
  const shorter = await verifyInAction(scene, { bundle, ...GATE, builder: builder.slice(0, -1) })
  const elsewhere = await verifyInAction(scene, { bundle, builder, repository: 'acme/other' })

  expect(named).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
  expect(shorter.annotations[0]?.title).toBe('countersign ERR_IDENTITY_MISMATCH')
  expect(elsewhere.annotations[0]?.title).toBe('countersign ERR_IDENTITY_MISMATCH')
})

test('a key without a service passes no gate of the Action, unless a builder is named', async () => {
  const scene = await startActionScene('source')
  const bundle = await attestInAction(scene)
  const { keys } = await readHistory(scene.server)
  const pem = await fetch(`${scene.server}/keys/${keys[0]?.kid ?? ''}.pem`)
  writeFileSync(join(scene.workspace, 'release.pub'), await pem.text())
  const own = { bundle, trust: 'release.pub', repository: 'acme/widget', workflow: WORKFLOW }

  const step = await verifyInAction(scene, own)
  const builder = `${scene.server}/builders/github-actions`
  const named = await verifyInAction(scene, { ...own, builder })

  expect(step.annotations[0]?.title).toBe('countersign ERR_USAGE')
  expect(named).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
})

test('provenance by a caller passes no gate of the command line', async () => {
  const service = await startSigningService()
  const authorization = `Bearer ${service.env['COUNTERSIGN_TOKEN'] ?? ''}`
  const said = { predicateType: PROVENANCE, predicate: forge() }
  const { body } = await post(service.url, authorization, said)
  const verify = await receive(service, body.bundle ?? {})

  const gates = [GATE_LINE, `--type any ${GATE_LINE}`, `--type ${PROVENANCE} ${GATE_LINE}`]
  for (const gate of gates) {
    const verdict = await verify(gate)
    expect(verdict.exitCode).toBe(4)
    expect(verdict.stderr).toContain('ERR_IDENTITY_MISMATCH')
  }
  expect((await verify(`--type ${PROVENANCE}`)).exitCode).toBe(0)
})

test('provenance of the service passes only the gates of its own source', async () => {
  const service = await startSigningService()
  const { folder, issuer, run, env } = service
  folder.write('token', await issuer.mint({ iss: GITHUB_ISSUER }))
  folder.write('app', 'a program')
  await run('attest @app --key release --provenance --token-file @token --bundle @made.json')
  const { COUNTERSIGN_HOME = '' } = env
  const world = { env: { COUNTERSIGN_HOME }, now: new Date() }
  await folder.run(`trust init ${service.url} --fingerprint ${await service.fingerprint()}`, world)
  const verify = (line: string) => folder.run(`verify @app --bundle @made.json ${line}`, world)

  expect((await verify(`--repository acme/widget --workflow ${WORKFLOW}`)).exitCode).toBe(0)
  expect((await verify('--repository https://github.com/acme/widget')).exitCode).toBe(0)
  expect((await verify('--repository https://github.evil.example/acme/widget')).exitCode).toBe(4)
  expect((await verify(GATE_LINE)).exitCode).toBe(4)
  expect((await verify('--repository acme/widget --builder https://x.example/b')).exitCode).toBe(4)
})

test('provenance of another trusted key that names the service passes no gate', async () => {
  const service = await startSigningService()
  const { folder, url } = service
  folder.write('keys.json', JSON.stringify(await readHistory(url)))
  folder.key('other')
  folder.write('app', 'a program')
  folder.write('p.json', JSON.stringify(forge(`${url}/builders/github-actions`)))
  await folder.run(`attest @app --key @other.pem --type ${PROVENANCE} --predicate @p.json`)
  const trust = '--trust @keys.json --key @other.pub'

  const verify = (line: string) => folder.run(`verify @app ${line}`, { now: new Date() })

  const trusted = await verify(`${trust} --type ${PROVENANCE}`)
  const gated = await verify(`${trust} ${GATE_LINE}`)
  const alone = await verify(`--key @other.pub ${GATE_LINE}`)

  expect(trusted.exitCode).toBe(0)
  expect(gated).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('ERR_IDENTITY_MISMATCH') as string,
  })
  expect(alone).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('ERR_USAGE') as string,
  })
})

test('provenance by an imported key passes a gate that names its builder, and no other', async () => {
  const service = await startSigningService()
  const { folder, issuer, run, url } = service
  folder.write('token', await issuer.mint({ iss: GITHUB_ISSUER }))
  folder.write('app', 'a program')
  await run('attest @app --key release --provenance --token-file @token')
  const { keys, ...rest } = await readHistory(url)
  const imported = keys.map((key) => ({ ...key, origin: 'external' }))
  folder.write('own.json', JSON.stringify({ ...rest, keys }))
  folder.write('imported.json', JSON.stringify({ ...rest, keys: imported }))
  const gate = (history: string, more = '') =>
    folder.run(`verify @app --trust @${history} --repository acme/widget${more}`, {
      now: new Date(),
    })

  expect((await gate('own.json')).exitCode).toBe(0)
  expect((await gate('imported.json')).stderr).toContain('ERR_USAGE')
  const builder = ` --builder ${url}/builders/github-actions`
  expect((await gate('imported.json', builder)).exitCode).toBe(0)
})

/** The key history without its envelope, on the word of the caller. */
async function readHistory(url: string): Promise<{ keys: readonly { kid: string }[] }> {
  const response = await fetch(`${url}/trust/keys.json`)
  const { payload } = (await response.json()) as { payload: string }
  return JSON.parse(Buffer.from(payload, 'base64').toString()) as { keys: { kid: string }[] }
}

const OWN = 'https://sign.example.com/builders/github-actions'
const SLSA_V02 = 'https://slsa.dev/provenance/v0.2'

const SPELLINGS = [
  'HTTPS://SIGN.EXAMPLE.COM/builders/github-actions',
  'http://sign.example.com/builders/github-actions',
  'https://sign.example.com:443/builders/github-actions',
  'https://sign.example.com./builders/github-actions',
  'https://sign.example.com/x/../builders/github-actions',
  'https://sign.example.com/x/%2e%2e/builders/github%2Dactions',
  'https://sign%2Eexample.com/builders/github-actions',
  'https:\\\\sign.example.com\\builders\\github-actions',
  'https://user:pass@sign.example.com/builders/github-actions',
  'https://sign.example.com@evil.example/builders/github-actions',
  ' https://sign.example.com/builders/github-actions',
  'https://ｓｉｇｎ.example.com/builders/github-actions',
  'git+https://sign.example.com/builders/github-actions',
  'sign.example.com/builders/github-actions',
]
const CLAIMS: readonly (readonly [string, object])[] = [
  [PROVENANCE, forge(OWN)],
  [SLSA_V02, { builder: { id: OWN } }],
  ['https://slsa.dev/provenance/v0.1', { builder: { id: OWN } }],
  ['https://example.com/built/v1', { builder: OWN }],
  [PROVENANCE, { ...forge(), RunDetails: { Builder: { Id: OWN } } }],
  ...SPELLINGS.map((id) => [SLSA_V02, { builder: { id } }] as const),
]

test('no caller can name the service as its builder, with any type or spelling', async () => {
  const { url, authorization } = await startNamedService()

  for (const [predicateType, predicate] of CLAIMS) {
    const answer = await post(url, authorization, { predicateType, predicate })
    const refused = { status: 403, body: { code: 'ERR_NOT_ALLOWED' } }
    expect(answer, JSON.stringify(predicate)).toMatchObject(refused)
  }
  const denials = await readDenials(url, authorization)
  // What is refused for the same reason is written once, and counted.
  expect(denials.length).toBeGreaterThan(1)
  expect(denials).toMatchObject(denials.map(() => ({ action: 'attest', code: 'ERR_NOT_ALLOWED' })))
})

/** A service whose callers know it by a name of its own. */
async function startNamedService(): Promise<{ url: string; authorization: string }> {
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
  })
  const { address } = await runServer(folder)
  return { url: address, authorization: folder.authorization }
}

async function readDenials(url: string, authorization: string): Promise<readonly unknown[]> {
  const denials = await readAudit({ url, authorization }, 'type:denial')
  return denials.map(({ entry }) => entry)
}
