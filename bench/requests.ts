/** How often a registry that wants a login is asked to verify an image: counted by the registry itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serializePublicKeyPem } from '../src/crypto/public-key.ts'
import { createImage } from '../test/support/oci-content.ts'
import { ACCOUNT } from '../test/support/registry/accounts.ts'
import { RegistryDouble } from '../test/support/registry/registry-double.ts'
import { honestSwitches } from '../test/support/registry/switches.ts'
import { CLI } from './built-cli.ts'
import { makeKey } from './bundles.ts'
import { createGoal, type Section } from './report.ts'

const REPOSITORY = 'acme/app'

/** Requests of one `verify`, login included, by the number of signatures attached. */
export async function countRequests(): Promise<Section> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const double = new RegistryDouble({ ...honestSwitches(), auth: 'bearer' })
  await double.start()
  const { key, privateKey } = makeKey('ES256')
  const [privatePath, publicPath] = [join(folder, 'key.pem'), join(folder, 'key.pub')]
  writeFileSync(privatePath, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(publicPath, serializePublicKeyPem(key))
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')
  const docker = { auths: { [double.host]: { auth } } }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(docker))
  const image = pushImage(double)

  const rows = []
  for (const signatures of [1, 2]) {
    await run(['sign', image, '--key', privatePath], folder)
    double.requests.length = 0
    await run(['verify', image, '--key', publicPath], folder)
    const login = double.seen(/ \/token/).length
    rows.push({ signatures, requests: double.requests.length, 'of them for a token': login })
  }
  await double.stop()
  rmSync(folder, { recursive: true })
  const found = rows[0]?.requests ?? Number.NaN
  const goals = [createGoal('registry requests to verify one signature', found, { atMost: 5 })]
  return { name: 'requests', title: 'Requests to verify an image in a registry', rows, goals }
}

/** Puts an image into the registry, as a push would, and returns its reference. */
function pushImage(double: RegistryDouble): string {
  const { descriptor, bytes } = createImage()
  const content = double.repository(REPOSITORY)
  content.putManifest(
    { mediaType: descriptor.mediaType, bytes: Buffer.from(bytes) },
    double.switches,
  )
  return `oci://${double.host}/${REPOSITORY}@${descriptor.digest}`
}

/** Beside this process, which is the registry. */
async function run(args: readonly string[], dockerConfig: string): Promise<void> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DOCKER_CONFIG: dockerConfig },
  })
  await once(child, 'exit')
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')} failed`)
}
