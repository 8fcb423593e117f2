/** Witnesses that a user pins with a service: the command line demands their cosignatures without naming them again. */
import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import type { WitnessedLogSettings } from '../../../src/config/sections/serve.ts'
import { parseCheckpoint } from '../../../src/formats/checkpoint.ts'
import { type JsonObject, parseJson } from '../../../src/formats/json.ts'
import type { NoteKey } from '../../../src/formats/note-key.ts'
import { parseSignedNote } from '../../../src/formats/signed-note.ts'
import { type CliResult, documentOf } from '../../support/cli.ts'
import { type SigningService, startSigningService } from '../../support/signing-service.ts'
import { startTestWitness, type TestWitness } from '../../support/witness.ts'
import { logKeysOf, provenSize } from '../../support/witnessed-release.ts'

interface Scene {
  readonly service: SigningService
  readonly witness: TestWitness
  /** A command line of the user, who names no service. */
  readonly run: (line: string) => Promise<CliResult>
  /** Pins the service; `more` is what is said of witnesses. */
  readonly pin: (more?: string) => Promise<CliResult>
}

/** A service whose logs a witness cosigns after the fact: its bundles leave without cosignatures. */
async function startScene(cosigned: readonly WitnessedLogSettings[]): Promise<Scene> {
  const logs: NoteKey[] = []
  const witness = await startTestWitness({ logs })
  const entry = { key: witness.key.vkey, url: witness.url, logs: [...cosigned] }
  const service = await startSigningService({ log: { witnesses: [entry] } })
  logs.push(...logKeysOf(service.server))
  const { env, folder, url } = service
  const run = (line: string): Promise<CliResult> => folder.run(line, { env, now: new Date() })
  const pin = async (more = ''): Promise<CliResult> =>
    run(`trust init ${url} --fingerprint ${await service.fingerprint()} --json ${more}`.trim())
  return { service, witness, run, pin }
}

/** Waits until a witness cosigned a tree of a log of that size or a larger one. */
async function cosigned(
  { url, env }: SigningService,
  log: 'log' | 'audit',
  size: number,
): Promise<void> {
  const headers = { authorization: `Bearer ${env['COUNTERSIGN_TOKEN'] ?? ''}` }
  const isCosigned = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/${log}/witnessed-checkpoint`, { headers })
    if (!answer.ok) return false
    const note = parseSignedNote(Buffer.from(await answer.text()))
    return parseCheckpoint(note.text).size >= size
  }
  await vi.waitUntil(isCosigned, { timeout: 20_000, interval: 100 })
}

/** Signs a file, and waits until a witness cosigned a tree with that signature. */
async function signCosigned({ service }: Scene): Promise<void> {
  const { folder, run } = service
  folder.write('app', 'an app\n')
  expect(await run('sign @app --key release')).toMatchObject({ exitCode: 0 })
  const bundle = parseJson(readFileSync(folder.path('app.sigstore.json')))
  await cosigned(service, 'log', provenSize(bundle as JsonObject))
}

test('the witnesses that are pinned are shown, and replaced by pinning again', async () => {
  const scene = await startScene(['transparency'])
  const { vkey } = scene.witness.key
  const other = await startTestWitness({ name: 'other.example', logs: [] })
  scene.service.folder.write('witnesses', `# ours\n${vkey}\n\n${other.key.vkey}\n`)
  const shown = async (): Promise<unknown> => {
    const { trust } = documentOf<{ trust: { witnessKeys: unknown } }>(
      await scene.run('trust show --json'),
    )
    return trust.witnessKeys
  }

  expect(await scene.pin(`--witness-key ${vkey}`)).toMatchObject({ exitCode: 0 })
  expect(await shown()).toEqual([vkey])
  expect((await scene.run('trust show')).stdout).toContain(`${vkey}\n`)
  await scene.run('trust update')
  expect(await shown()).toEqual([vkey])
  await scene.pin('--witness-key @witnesses')
  expect(await shown()).toEqual([vkey, other.key.vkey])
  await scene.pin()
  expect(await shown()).toEqual([])
})

test('a key that is not of a witness, or twice there, pins nothing', async () => {
  const scene = await startScene(['transparency'])
  const { vkey } = scene.witness.key
  const [logKey] = logKeysOf(scene.service.server)
  scene.service.folder.write('twice', `${vkey}\n${vkey}\n`)

  for (const [named, code] of [
    [logKey?.vkey ?? '', 'ERR_NOTE_INVALID'],
    ['@twice', 'ERR_NOTE_INVALID'],
    ['@missing', 'ERR_FILE_READ'],
  ] as const) {
    const { exitCode, stdout } = await scene.pin(`--witness-key ${named}`)
    expect([exitCode === 0, stdout.includes(code)]).toEqual([false, true])
    expect(await scene.run('trust show')).toMatchObject({ exitCode: 2 })
  }
})

test('a proof with the cosignatures of a pinned witness is accepted, and a bundle without them is not', async () => {
  const scene = await startScene(['transparency'])
  const { run } = scene
  await scene.pin(`--witness-key ${scene.witness.key.vkey}`)
  await signCosigned(scene)
  const verify = 'verify @app --require-witness 1'

  const without = await run(verify)
  expect(without).toMatchObject({ exitCode: 4 })
  expect(without.stderr).toContain('[ERR_WITNESS_MISSING]')

  const written = await run('log proof @app.sigstore.json --proof @moved')
  expect(written).toMatchObject({ exitCode: 0 })
  const proof = readFileSync(scene.service.folder.path('moved'), 'utf8')
  expect(proof).toContain(`\n— ${scene.witness.key.name} `)
  expect(await run(verify)).toMatchObject({ exitCode: 4 })
  expect(await run(`${verify} --log-proof @moved`)).toMatchObject({ exitCode: 0 })
  // Without the line of the witness the proof is as good as the bundle's own.
  const bare = proof.replace(/^— witness\.example.*\n/m, '')
  scene.service.folder.write('bare', bare)
  expect(bare).not.toBe(proof)
  expect(await run('verify @app --log-proof @bare')).toMatchObject({ exitCode: 0 })
  const refused = await run(`${verify} --log-proof @bare`)
  expect(refused.stderr).toContain('[ERR_WITNESS_MISSING]')
})

test('a renewed bundle carries the cosignatures itself', async () => {
  const scene = await startScene(['transparency'])
  await scene.pin(`--witness-key ${scene.witness.key.vkey}`)
  await signCosigned(scene)

  expect(await scene.run('log proof @app.sigstore.json --renew')).toMatchObject({ exitCode: 0 })
  expect(await scene.run('verify @app --require-witness 1')).toMatchObject({ exitCode: 0 })
})

test('a demand counts the witnesses that are pinned, unless others are named', async () => {
  const scene = await startScene(['transparency'])
  const unknown = await startTestWitness({ name: 'unknown.example', logs: [] })
  await scene.pin(`--witness-key ${unknown.key.vkey}`)
  await signCosigned(scene)
  await scene.run('log proof @app.sigstore.json')
  const verify = 'verify @app --require-witness 1'

  expect((await scene.run(verify)).stderr).toContain('[ERR_WITNESS_MISSING]')
  const named = await scene.run(`${verify} --witness-key ${scene.witness.key.vkey}`)
  expect(named).toMatchObject({ exitCode: 0 })
  const more = await scene.run('verify @app --require-witness 2')
  expect(more).toMatchObject({ exitCode: 2 })
  expect(more.stderr).toContain('1 witnesses are trusted [ERR_USAGE]')
  await scene.pin()
  expect((await scene.run(verify)).stderr).toContain('0 witnesses are trusted [ERR_USAGE]')
})

test('audit verify demands the pinned witnesses of both logs', async () => {
  const both = await startScene(['transparency', 'audit'])
  const one = await startScene(['transparency'])
  for (const scene of [both, one]) await scene.pin(`--witness-key ${scene.witness.key.vkey}`)
  await cosigned(both.service, 'log', 1)
  await cosigned(both.service, 'audit', 1)
  await cosigned(one.service, 'log', 1)
  const verify = ({ run, service }: Scene, command: string): Promise<CliResult> =>
    run(`${command} verify --server ${service.url} --require-witness 1`)

  const accepted = await verify(both, 'audit')
  expect(accepted).toMatchObject({ exitCode: 0 })
  expect(accepted.stderr).toContain('at least 1 of witness.example/1')
  expect(await verify(both, 'log')).toMatchObject({ exitCode: 0 })

  expect(await verify(one, 'log')).toMatchObject({ exitCode: 0 })
  const refused = await verify(one, 'audit')
  expect(refused).toMatchObject({ exitCode: 4 })
  expect(refused.stderr).toContain('[ERR_WITNESS_MISSING]')
})
