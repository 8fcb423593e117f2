import { expect, test } from 'vitest'
import type { CliWorld } from '../support/cli.ts'
import { createImageScene } from '../support/image-scene.ts'
import { createSigningFolder, type SigningFolder } from '../support/signing-folder.ts'

/** A folder with a signed file, and keys of which `release` signed it. */
async function createSignedFolder(): Promise<SigningFolder> {
  const folder = createSigningFolder()
  folder.key('release')
  folder.key('other')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem')
  return folder
}

const VERIFY = 'verify @app.txt --config @countersign.yaml'

test('verify trusts the keys of the configuration by default, and says so', async () => {
  const folder = await createSignedFolder()
  folder.write('countersign.yaml', 'store: sqlite:x\ntrust:\n  keys: [release.pub]\n')

  const result = await folder.run(VERIFY)

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toContain('@release.pub (ES256, kid KID…), by @countersign.yaml:3')
})

test('a key of the configuration is trusted by its name', async () => {
  const folder = await createSignedFolder()
  folder.write(
    'countersign.yaml',
    'keys: { main: { use: artifact, provider: file:release.pub } }\ntrust: { keys: [main] }\n',
  )

  expect(await folder.run(VERIFY)).toMatchObject({ exitCode: 0 })
  expect(await folder.run(`${VERIFY} --key main`)).toMatchObject({ exitCode: 0 })
})

test('trust from the command line is never mixed with the configuration', async () => {
  const folder = await createSignedFolder()
  folder.write('countersign.yaml', 'trust: { keys: [release.pub], trustedRoot: missing.json }\n')

  const result = await folder.run(`${VERIFY} --key @other.pub`)

  expect(result.exitCode).toBe(6)
  expect(result.stderr).not.toContain('release.pub')
})

test('a configuration without trusted keys verifies nothing', async () => {
  const folder = await createSignedFolder()
  folder.write('countersign.yaml', 'trust: { keys: [] }\n')

  expect(await folder.run(VERIFY)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('no trusted key given') as unknown,
  })
})

test('an invalid configuration trusts no key', async () => {
  const folder = await createSignedFolder()
  folder.write('countersign.yaml', 'trust: { keys: [release.pub] }\nkyes: {}\n')

  expect(await folder.run(VERIFY)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('ERR_CONFIG_INVALID') as unknown,
  })
})

/** What a run says of a registry that is nowhere, reached without TLS or with it. */
async function protocolOf(
  args: string,
  config: string,
  env: CliWorld['env'] = {},
): Promise<string> {
  const folder = createSigningFolder()
  folder.write('countersign.yaml', config)
  const asked: string[] = []
  const fetch: typeof globalThis.fetch = (input) => {
    asked.push(new URL(input instanceof Request ? input.url : input).protocol)
    return Promise.reject(new TypeError('fetch failed'))
  }
  const line = `discover oci://registry.lab:5000/app:v1 --config @countersign.yaml ${args}`
  await folder.run(line.trim(), {
    env,
    fetch,
  })
  return [...new Set(asked)].join()
}

test('a registry that the configuration names is reached without TLS, others are not', async () => {
  const plain = 'registry: { plainHttp: ["registry.lab:5000"] }'
  const other = 'registry: { plainHttp: [other.lab] }'
  const env = { COUNTERSIGN_REGISTRY_PLAIN_HTTP: 'registry.lab:5000' }

  expect(await protocolOf('', plain)).toBe('http:')
  expect(await protocolOf('', other)).toBe('https:')
  expect(await protocolOf('', other, env)).toBe('http:')
  expect(await protocolOf('--plain-http', other)).toBe('http:')
})

test('the configuration sets how referrers are listed, and an option overrides it', async () => {
  const { folder, double, app } = await createImageScene()
  folder.write('countersign.yaml', 'registry: { referrersMode: tag }')
  const line = `discover ${app}:v1 --config @countersign.yaml`

  await folder.run(line)
  const quiet = double.seen(/referrers/).length
  await folder.run(`${line} --referrers-mode api`)

  expect(quiet).toBe(0)
  expect(double.seen(/referrers/).length).toBeGreaterThan(0)
})

test('a certificate authority of the configuration is read', async () => {
  const { folder, app } = await createImageScene()
  folder.write('countersign.yaml', 'registry: { ca: missing.pem }')

  const result = await folder.run(`discover ${app}:v1 --config @countersign.yaml`)

  expect(result).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('can\'t read "@missing.pem"') as unknown,
  })
})
