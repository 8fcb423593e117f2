/** One step of the shipped Action, a whole process: its own start, and an image attested through a service. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ActionOptions, runAction } from '../src/testing.ts'
import { createImage, type Image } from '../test/support/oci-content.ts'
import { RegistryDouble } from '../test/support/registry/registry-double.ts'
import { honestSwitches } from '../test/support/registry/switches.ts'
import { type ServiceFolder, writeServiceFolder } from '../test/support/service-folder.ts'
import { startServiceProcess } from '../test/support/service-process.ts'
import { runChild } from './child.ts'
import { median } from './rates.ts'
import { createGoal, type Section } from './report.ts'

const ENTRY = join(import.meta.dirname, '../action/dist/index.js')
const REPOSITORY = 'acme/app'

/** Wall time of the start, which ends in a refusal of the inputs, and of a whole attestation. */
export async function measureAction(rounds: number): Promise<Section> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const service = writeServiceFolder({ folder, keys: { release: { use: 'artifact' } } })
  await using running = await startServiceProcess(service)
  await using job = await startTokenSource(service)
  const registry = new RegistryDouble(honestSwitches())
  await registry.start()
  const image = pushImage(registry)
  const attest: ActionOptions = {
    inputs: {
      server: running.url,
      key: 'release',
      'subject-name': `${registry.host}/${REPOSITORY}`,
      'subject-digest': image.descriptor.digest,
      'predicate-type': 'https://example.com/bench/v1',
      predicate: '{}',
      'push-to-registry': 'true',
    },
    env: {
      ACTIONS_ID_TOKEN_REQUEST_URL: job.url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bench',
      // Without a run there is no Idempotency-Key: every round signs again.
      GITHUB_RUN_ID: '',
    },
  }
  const times = { 'node -e 0': [] as number[], start: [] as number[], attest: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    times['node -e 0'].push(runChild(process.execPath, ['-e', '0']).wallMs)
    times.start.push(await timeStep({ inputs: { mode: 'none' } }, 2))
    times.attest.push(await timeStep(attest, 0))
  }
  await registry.stop()
  rmSync(folder, { recursive: true })
  const rows = Object.entries(times).map(([step, wall]) => ({ step, 'wall ms': median(wall) }))
  return {
    name: 'action',
    title: 'A step of the Action, a whole process',
    rows,
    goals: [
      createGoal('Action: its own start, ms', median(times.start), { atMost: 300 }),
      createGoal('Action: attest one image, ms', median(times.attest), { atMost: 2000 }),
    ],
  }
}

async function timeStep(options: ActionOptions, exitCode: number): Promise<number> {
  const start = performance.now()
  using step = await runAction(ENTRY, options)
  const wallMs = performance.now() - start
  if (step.exitCode !== exitCode) throw new Error(`the step failed: ${step.log}`)
  return wallMs
}

/** Gives a job its token as GitHub does; the token is the static one of a service under test. */
async function startTokenSource({
  authorization,
}: ServiceFolder): Promise<AsyncDisposable & { readonly url: string }> {
  const value = authorization.replace(/^Bearer /, '')
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ value }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}/token?api-version=2.0`, [Symbol.asyncDispose]: stop }
}

function pushImage(registry: RegistryDouble): Image {
  const image = createImage()
  const { mediaType } = image.descriptor
  const manifest = { mediaType, bytes: Buffer.from(image.bytes) }
  registry.repository(REPOSITORY).putManifest(manifest, registry.switches)
  return image
}
