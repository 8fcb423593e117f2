/** docs/runbooks/hsm-loss.md, followed to the letter: the token is lost, and the key goes on in another. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { findTrustKey, fingerprintOf } from '../../src/client/trust-pin.ts'
import { freePort } from '../support/free-port.ts'
import { PROJECT } from '../support/project.ts'
import { runCli } from '../support/command-line.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { createSoftHsm, type SoftToken } from '../support/softhsm.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const hsm = createSoftHsm(['first', 'second', 'third', 'fourth'])
const [first, second, third, fourth] = hsm.tokens

afterAll(hsm.remove)

/** A test starts many processes. */
const LONG = { timeout: 180_000 }

/** Waits that a test can wait for. */
const FAST = {
  maxAge: '1s',
  verifierCache: '1s',
  replicaLag: '1s',
  signerLag: '1s',
  clockSkew: '1s',
}

const RUNBOOK = readFileSync(join(PROJECT, 'docs/runbooks/hsm-loss.md'), 'utf8')

/** The commands of a section, in order. */
function commandsOf(section: string): readonly string[] {
  const [, after = ''] = RUNBOOK.split(`## ${section}\n`)
  const [text = ''] = after.split('\n## ')
  return [...text.matchAll(/^ +(countersign .*)$/gm)].map(([, line = '']) => line)
}

/** Splits a command as a shell does, as far as the runbook needs it. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

interface Scene {
  readonly folder: ServiceFolder
  readonly url: string
  readonly start: () => Promise<ServiceProcess>
  readonly run: (...args: readonly string[]) => ReturnType<typeof runCli>
}

/** A service with a key in a token, and its operator. */
async function createScene(token: SoftToken): Promise<Scene> {
  const url = `http://127.0.0.1:${await freePort()}`
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    issuer: url,
    serve: { listen: new URL(url).host },
    keys: { release: { use: 'artifact', provider: providerOn(token), rotation: FAST } },
  })
  const env = {
    COUNTERSIGN_TOKEN: folder.env['COUNTERSIGN_TEST_TOKEN'] ?? '',
    COUNTERSIGN_HOME: join(folder.folder, 'home'),
    // The operator has no configuration of the service.
    COUNTERSIGN_CONFIG: join(folder.folder, 'client.yaml'),
  }
  writeFileSync(env.COUNTERSIGN_CONFIG, '{}')
  return {
    folder,
    url,
    start: () => startServiceProcess(folder),
    run: (...args) => runCli(args, { folder: folder.folder, env }),
  }
}

/** The PIN is in a file beside the token's name, as an operator would have it. */
function providerOn({ label, pin }: SoftToken): string {
  const path = join(createTempFolder(), 'pin')
  writeFileSync(path, pin, { mode: 0o600 })
  return `pkcs11:token=${label}?module-path=${hsm.modulePath}&pin-source=file:${path}`
}

/** Step 1 of the runbook. */
function pointAt(folder: ServiceFolder, provider: string): void {
  const config = JSON.parse(readFileSync(folder.config, 'utf8')) as {
    readonly keys: Record<string, object>
  }
  const keys = { ...config.keys, release: { ...config.keys['release'], provider } }
  writeFileSync(folder.config, JSON.stringify({ ...config, keys }))
}

const OK = { exitCode: 0 }

/** Gives a command of the runbook, with what it leaves to its reader. */
function attempt(
  { run, url }: Scene,
  line: string | undefined,
  values: Readonly<Record<string, string>> = {},
): ReturnType<Scene['run']> {
  expect(line).toBeDefined()
  const [, ...args] = words(line ?? '').map(
    (word) => values[word] ?? word.replace('https://sign.example.com', url),
  )
  return run(...args)
}

async function follow(...asked: Parameters<typeof attempt>): Promise<void> {
  expect(await attempt(...asked), asked[1]).toMatchObject(OK)
}

/** Signs a file with the service's key. */
async function sign({ folder, run, url }: Scene, name: string): Promise<number> {
  writeFileSync(join(folder.folder, name), name)
  return (await run('sign', name, '--key', 'release', '--server', url)).exitCode
}

async function verify({ run }: Scene, name: string): Promise<number> {
  await run('trust', 'update')
  return (await run('verify', name)).exitCode
}

async function pin({ run, url }: Scene): Promise<void> {
  const published = await fetch(`${url}/trust/keys.json`)
  const key = findTrustKey(new Uint8Array(await published.arrayBuffer()))
  const { exitCode } = await run('trust', 'init', url, '--fingerprint', fingerprintOf(key))
  expect(exitCode).toBe(0)
}

/** Restarts the service with its key in another token. */
async function restart(
  { folder, start }: Scene,
  running: ServiceProcess,
  token: SoftToken,
): Promise<ServiceProcess> {
  await running.kill()
  pointAt(folder, providerOn(token))
  return start()
}

async function states({ folder: { authorization }, url }: Scene): Promise<readonly string[]> {
  const answer = await fetch(`${url}/v1/keys/release`, { headers: { authorization } })
  const { versions } = (await answer.json()) as { readonly versions: readonly { state: string }[] }
  return versions.map(({ state }) => state)
}

test(
  'the runbook brings a key whose token is lost to another token, and old signatures verify',
  LONG,
  async () => {
    const scene = await createScene(first)
    const before = await scene.start()
    await pin(scene)
    expect(await sign(scene, 'before.txt')).toBe(0)
    hsm.lose(first)
    const [create, activate, retire, ...more] = commandsOf('For good').slice(-3)

    const after = await restart(scene, before, second)
    expect(await sign(scene, 'during.txt')).not.toBe(0)
    await follow(scene, create)
    await follow(scene, activate, { N: '3' })
    await follow(scene, retire, { STANDBY: '2' })

    expect(more).toEqual([])
    expect(await sign(scene, 'after.txt')).toBe(0)
    expect([await verify(scene, 'before.txt'), await verify(scene, 'after.txt')]).toEqual([0, 0])
    await expect
      .poll(() => states(scene), SOON)
      .toEqual(['retired', 'retired', 'active', 'pending'])
    await after.kill()
  },
)

test(
  'a spare in a second token takes over at once when the first token is lost',
  LONG,
  async () => {
    const scene = await createScene(third)
    let service = await scene.start()
    await pin(scene)
    const spare = providerOn(fourth).replace('?', ';object=spare?')
    expect(await scene.run('key', 'create', spare)).toMatchObject({ exitCode: 0 })
    const [importing, activate, ...more] = commandsOf('Without a gap')

    service = await restart(scene, service, fourth)
    await follow(scene, importing)
    service = await restart(scene, service, third)
    expect(await sign(scene, 'before.txt')).toBe(0)
    await service.kill()
    hsm.lose(third)
    service = await scene.start()
    // The runbook's was published long ago; until verifiers know this one, it is refused.
    await expect.poll(() => attempt(scene, activate, { SPARE: '3' }), SOON).toMatchObject(OK)

    expect(more).toEqual([])
    expect(await sign(scene, 'after.txt')).toBe(0)
    expect([await verify(scene, 'before.txt'), await verify(scene, 'after.txt')]).toEqual([0, 0])
    await service.kill()
  },
)
