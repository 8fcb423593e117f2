import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type JsonObject, parseJson } from '../../../src/formats/json.ts'
import { parseTlogProof } from '../../../src/formats/tlog-proof.ts'
import { exportLog } from '../../../src/log/export-log.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import { type CliResult, type CliWorld, documentOf } from '../../support/cli.ts'
import {
  appendLeaves,
  otherLeaves,
  type ProofScene,
  SIGNED,
  startProofScene,
} from '../../support/proof-scene.ts'
import { signTransparency } from '../../support/signed-log.ts'

/** PSS is not what an RSA key signs with unless it is said. */
const trust = (name: string): string =>
  `--key @${name}.pub${name === 'ps256' ? ' --algorithm PS256' : ''} --trusted-root @root.json`

const prove = (
  scene: ProofScene,
  name: string,
  more = '',
  world?: CliWorld,
): Promise<CliResult> => {
  const from = `--server ${scene.server}`
  const line = `log proof @${name}.sigstore.json ${from} ${trust(name)} ${more}`
  return scene.folder.run(line.trim(), world)
}

test.each(Object.keys(SIGNED))(
  'the proof of a signature with %s is written, checked and demanded',
  async (name) => {
    const scene = await startProofScene()
    const { run } = scene.folder
    const verify = `verify @${name} ${trust(name)} --require-log 1`

    const without = await run(verify)
    const written = await prove(scene, name)
    const checked = await run(`log proof @${name}.sigstore.json --check ${trust(name)}`)
    const verified = await run(`${verify} --json`)

    expect(without.exitCode).toBe(3)
    expect(without.stderr).toContain('0 of 1 required log entries verified')
    expect(written.exitCode).toBe(0)
    const index = Object.keys(SIGNED).indexOf(name) + 3
    const which = `  @${name}.sigstore.json.tlog-proof
  signed  by kid KID…
  log     log.example
  entry   ${index}, under the checkpoint at 309 entries
`
    expect(written.stdout).toBe(`WRITTEN${which}`)
    expect(checked).toMatchObject({ exitCode: 0, stdout: `PASSED${which}` })
    expect(documentOf(verified)).toMatchObject({
      ok: true,
      artifacts: [{ attestations: [{ logEntries: 1 }] }],
    })
  },
)

test('the refusal of a bundle without a proof names the command that writes one', async () => {
  const { folder } = await startProofScene()

  const { stderr } = await folder.run(`verify @eddsa ${trust('eddsa')} --require-log 1`)

  expect(stderr).toContain(
    'write a proof with countersign log proof FILE, and give it with --log-proof',
  )
})

test('a named proof is required, wherever it is', async () => {
  const scene = await startProofScene()
  await prove(scene, 'eddsa', '--proof @moved')
  const verify = (name: string, proof: string): Promise<CliResult> =>
    scene.folder.run(`verify @${name} ${trust(name)} --log-proof @${proof}`)

  expect(await verify('eddsa', 'moved')).toMatchObject({ exitCode: 0 })
  const other = await verify('es384', 'moved')
  expect(other.exitCode).toBe(3)
  expect(other.stderr).toContain('"@moved" does not prove it')
})

test('a signature of the older layout is proven as cosign prints it', async () => {
  const { folder, server } = await startProofScene()
  const line = `log proof @legacy.json ${trust('legacy')}`

  const written = await folder.run(`${line} --server ${server} --json`)

  expect(documentOf(written)).toMatchObject({
    schema: 'https://countersign.dev/schemas/log-proof/v1',
    ok: true,
    origin: 'log.example',
    index: 8,
    size: 309,
  })
  expect(await folder.run(`${line} --check`)).toMatchObject({ exitCode: 0 })
})

test('a copy of the log proves as well as the service does', async () => {
  const scene = await startProofScene()
  const { folder, logs } = scene
  await exportLog(openStoredLog(logs.transparencyLog), folder.path('copy'))
  const args = `@eddsa.sigstore.json --log @copy --proof @of-copy ${trust('eddsa')}`

  const result = await folder.run(`log proof ${args}`)
  await prove(scene, 'eddsa')

  expect(result.exitCode).toBe(0)
  expect(readFileSync(folder.path('of-copy'))).toStrictEqual(
    readFileSync(folder.path('eddsa.sigstore.json.tlog-proof')),
  )
})

test('a proof file is replaced only on request', async () => {
  const scene = await startProofScene()
  await prove(scene, 'eddsa')
  await appendLeaves(scene.logs, otherLeaves(1))
  await signTransparency(scene.logs)

  const refused = await prove(scene, 'eddsa')
  const replaced = await prove(scene, 'eddsa', '--overwrite')

  expect(refused).toMatchObject({ exitCode: 2 })
  expect(refused.stderr).toContain('[ERR_FILE_WRITE]')
  expect(replaced.stdout).toContain('under the checkpoint at 310 entries')
})

test('the proof in a bundle is renewed, and verifiers of Sigstore read it', async () => {
  const scene = await startProofScene()
  const { folder, logs } = scene

  const first = await prove(scene, 'es256', '--renew')
  await appendLeaves(logs, otherLeaves(700))
  await signTransparency(logs)
  const second = await prove(scene, 'es256', '--renew')
  const verified = await folder.run(`verify @es256 ${trust('es256')} --require-log 1 --json`)

  expect(first.stdout).toMatch(/^RENEWED {2}@es256.sigstore.json\n[^]*\n {2}entry {3}3, under/)
  expect(second.stdout).toContain('under the checkpoint at 1009 entries')
  expect(documentOf(verified)).toMatchObject({ artifacts: [{ attestations: [{ logEntries: 1 }] }] })
})

test('a form that carries no proof is not renewed, and its bundle stays as it is', async () => {
  const scene = await startProofScene()
  const path = scene.folder.path('eddsa.sigstore.json')
  const before = readFileSync(path)

  const result = await prove(scene, 'eddsa', '--renew')

  expect(result).toMatchObject({ exitCode: 2 })
  expect(result.stderr).toContain('[ERR_USAGE]')
  expect(readFileSync(path)).toStrictEqual(before)
})

test('a signature that is not under a checkpoint yet is waited for', async () => {
  const scene = await startProofScene({ isPublished: false })
  let waits = 0
  const pause = async (): Promise<void> => {
    waits += 1
    if (waits === 3) await signTransparency(scene.logs)
  }

  const result = await prove(scene, 'eddsa', '', { pause })

  expect(result).toMatchObject({ exitCode: 0 })
  expect(waits).toBe(3)
})

test('a place that a bundle states and the log never reaches is not waited for long', async () => {
  const scene = await startProofScene()
  const path = scene.folder.path('es256.sigstore.json')
  const bundle = parseJson(readFileSync(path))
  const { verificationMaterial } = bundle as { verificationMaterial: JsonObject }
  const material = { ...verificationMaterial, tlogEntries: [{ logIndex: '9007199254740991' }] }
  writeFileSync(path, JSON.stringify({ ...(bundle as JsonObject), verificationMaterial: material }))
  let waits = 0
  const pause = (): Promise<void> => Promise.resolve(void (waits += 1))

  const result = await prove(scene, 'es256', '', { pause })

  expect(result.stdout).toContain('  log     log.example\n  entry   3, under')
  expect(waits).toBe(9)
})

test('a signature that is not in the log has no proof', async () => {
  const scene = await startProofScene()
  scene.folder.key('thief')
  await scene.folder.run('sign @es256 --key @thief.pem --bundle @thief.sigstore.json')

  const result = await prove(scene, 'thief')

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain(
    'none of the 309 entries of log.example is about this signature [ERR_LOG_PROOF_INVALID]',
  )
})

test('a proof needs a trusted key, a trusted log, and a log to read', async () => {
  const scene = await startProofScene()
  const { run } = scene.folder
  const line = 'log proof @es256.sigstore.json'

  const keyless = await run(`${line} --server ${scene.server} --trusted-root @root.json`)
  const other = await run(`${line} --server ${scene.server} ${trust('eddsa')}`)
  const rootless = await run(`${line} --server ${scene.server} --key @es256.pub`)
  const nowhere = await run(`${line} ${trust('es256')}`)

  expect(keyless).toMatchObject({ exitCode: 2 })
  expect(other.stderr).toContain('[ERR_KEY_NOT_TRUSTED]')
  expect(rootless.stderr).toContain('no transparency log is trusted [ERR_LOG_PROOF_INVALID]')
  expect(nowhere.stderr).toContain('no log is named, and no service is pinned [ERR_USAGE]')
})

test('a file with several bundles has no proof of its own', async () => {
  const scene = await startProofScene()
  const bundle = readFileSync(scene.folder.path('es256.sigstore.json'), 'utf8').trim()
  scene.folder.write('es256.sigstore.json', `${bundle}\n${bundle}\n`)

  const proof = await prove(scene, 'es256')
  const renewed = await prove(scene, 'es256', '--renew')

  expect(proof.stderr).toContain('has 2 bundles, and a proof is of one [ERR_USAGE]')
  expect(renewed).toMatchObject({ exitCode: 0 })
  const lines = readFileSync(scene.folder.path('es256.sigstore.json'), 'utf8').trim().split('\n')
  expect(lines.map((line) => line.includes('"inclusionProof"'))).toStrictEqual([true, true])
})

test('a written proof is one of the specification, with the checkpoint as the service has it', async () => {
  const scene = await startProofScene()
  await prove(scene, 'eddsa')
  const note = (await scene.logs.transparencyLog.checkpoint())?.note

  const proof = parseTlogProof(readFileSync(scene.folder.path('eddsa.sigstore.json.tlog-proof')))

  expect(proof).toMatchObject({ extra: undefined, index: 7, checkpoint: note })
})
