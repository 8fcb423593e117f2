/** What the mode verify finds, and where, for the shipped bundle and for the sources. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ActionResult } from '../../src/testing.ts'
import { type ActionScene, startActionScene, type StepKind } from '../support/runner/scene.ts'

type Inputs = Readonly<Record<string, string>>

const PROVENANCE = 'https://slsa.dev/provenance/v1'

/** Attests the file `app`; its bundle is in the outputs. */
function attest(scene: ActionScene, inputs: Inputs = {}): Promise<ActionResult> {
  writeFileSync(join(scene.workspace, 'app'), 'a program')
  const service = { server: scene.server, key: 'release', 'subject-path': 'app' }
  return scene.run({ inputs: { ...service, ...inputs } })
}

/** Verifies the provenance of the file `app`. */
function verify(scene: ActionScene, inputs: Inputs = {}): Promise<ActionResult> {
  const wanted = { 'predicate-type': PROVENANCE, 'github-token': 'gh', ...inputs }
  return scene.run({
    inputs: { mode: 'verify', trust: scene.server, 'subject-path': 'app', ...wanted },
  })
}

/** Defines the cases. */
export function defineVerifyingCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test('finds bundles beside the file, and in a folder of bundles', async () => {
      const scene = await startActionScene(kind)
      const bundle = (await attest(scene)).outputs['bundle-path'] ?? ''
      const folder = join(scene.workspace, 'bundles')
      mkdirSync(folder)
      copyFileSync(bundle, join(folder, 'app.sigstore.json'))

      const inFolder = await verify(scene, { bundle: 'bundles' })
      copyFileSync(bundle, join(scene.workspace, 'app.sigstore.json'))
      const beside = await verify(scene)

      expect(inFolder).toMatchObject({ exitCode: 0, annotations: [] })
      expect(beside).toMatchObject({ exitCode: 0, annotations: [] })
      expect(scene.github.requests).toEqual([])
    })

    test('takes no provenance for a source that it does not name', async () => {
      const scene = await startActionScene(kind)
      const said = { 'predicate-type': PROVENANCE, predicate: '{"buildDefinition":[]}' }
      const bundle = (await attest(scene, said)).outputs['bundle-path'] ?? ''

      const step = await verify(scene, { bundle, repository: 'acme/widget' })

      expect(step).toMatchObject({ exitCode: 4, outputs: { verified: 'false' } })
      expect(step.annotations[0]?.title).toBe('countersign ERR_IDENTITY_MISMATCH')
      expect(step.annotations[0]?.message).toContain('names nothing as builder')
    })

    test('reads bundles that older GitHub servers inline in the list', async () => {
      const scene = await startActionScene(kind)
      const { outputs } = await attest(scene)
      const bundle = JSON.parse(readFileSync(outputs['bundle-path'] ?? '', 'utf8')) as object
      const attestations = [{ bundle_url: 'none' }, { bundle }]
      scene.github.answer(/^GET .*attestations/, { status: 200, body: { attestations } })

      const step = await verify(scene)

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
    })

    test.each([
      [
        'GitHub is down',
        /^GET .*attestations/,
        { status: 503, body: { message: 'no server is there' } },
        'status 503: no server is there',
      ],
      ['GitHub is silent', /^GET .*attestations/, { delayMs: Infinity }, 'timeout'],
      ['its store is down', /^GET \/blobs/, { status: 500 }, 'answers with status 500'],
    ])('warns if %s, and finds nothing', async (_what, on, answer, said) => {
      const scene = await startActionScene(kind)
      await attest(scene, { 'github-attestations': 'true', 'github-token': 'gh' })
      scene.github.answer(on, answer)

      const step = await verify(scene)

      expect(step).toMatchObject({ exitCode: 5, outputs: { verified: 'false' } })
      expect(step.annotations).toMatchObject([
        { level: 'warning', message: expect.stringContaining(said) as string },
        { level: 'error', title: 'countersign ERR_SIGNATURE_NOT_FOUND' },
      ])
    })

    test('asks a GitHub that fails no more, and warns once, however many files there are', async () => {
      const scene = await startActionScene(kind)
      scene.github.answer(/./, { status: 403, body: { message: 'rate limit' } })
      const names = Array.from({ length: 20 }, (_, index) => `file-${index}`)
      for (const name of names) writeFileSync(join(scene.workspace, name), name)

      const step = await verify(scene, { 'subject-path': 'file-*' })

      expect(step.annotations.map(({ level }) => level)).toEqual(['warning', 'error'])
      expect(scene.github.requests.length).toBeLessThanOrEqual(4)
    })

    test('gives no warning about a GitHub without attestations', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')

      const step = await verify(scene)

      expect(step.annotations).toMatchObject([{ title: 'countersign ERR_SIGNATURE_NOT_FOUND' }])
      expect(scene.github.requests).toHaveLength(1)
    })

    test('sends GitHub no request unless requested', async () => {
      const scene = await startActionScene(kind)
      await attest(scene, { 'github-attestations': 'true', 'github-token': 'gh' })
      const asked = scene.github.requests.length

      const step = await verify(scene, { 'github-attestations': 'false' })

      expect(step.annotations[0]?.title).toBe('countersign ERR_SIGNATURE_NOT_FOUND')
      expect(scene.github.requests).toHaveLength(asked)
    })

    test('warns if GitHub is requested without a token for it', async () => {
      const scene = await startActionScene(kind)

      const step = await attest(scene, { 'github-attestations': 'true' })

      expect(step).toMatchObject({ exitCode: 0, outputs: { 'attestation-id': '' } })
      expect(step.annotations[0]?.message).toContain('there is no github-token')
    })

    test('attests more than an output or a summary can hold', async () => {
      const scene = await startActionScene(kind)
      const digit = (index: number): string => index.toString(16).padStart(64, '0')
      const lines = Array.from({ length: 105 }, (_, index) => `${digit(index)}  file-${index}`)
      const predicate = { notes: 'x'.repeat(256 * 1024) }
      writeFileSync(join(scene.workspace, 'notes.json'), JSON.stringify(predicate))
      const type = 'https://example.com/notes/v1'
      const said = { 'predicate-type': type, 'predicate-path': 'notes.json' }
      const service = { server: scene.server, key: 'release' }

      const step = await scene.run({
        inputs: { ...service, ...said, 'subject-checksums': lines.join('\n') },
      })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(step.summary).toContain('…and 5 more.')
      expect(step.outputs).not.toHaveProperty('bundles')
      expect(readFileSync(step.outputs['bundle-path'] ?? '').length).toBeGreaterThan(256 * 1024)
    })
  })
}
