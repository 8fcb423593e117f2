/** What a step does through a service, for the shipped bundle and for the sources. */
import { hash as hashHex } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { pushImage } from '../oci/open-registry.ts'
import { startActionScene, type StepKind } from '../support/runner/scene.ts'

const PROVENANCE = 'https://slsa.dev/provenance/v1'

/** Defines the cases. */
export function defineServiceCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test('attests the provenance of an image, and our command line accepts it', async () => {
      const scene = await startActionScene(kind)
      const { digest } = scene.image.descriptor

      const step = await scene.run({
        inputs: {
          server: scene.server,
          key: 'release',
          'subject-name': scene.app,
          'subject-digest': digest,
          'push-to-registry': 'true',
        },
      })

      expect(step.visibleLog).not.toContain('::error')
      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(step.outputs).toMatchObject({
        'key-version': '1',
        'referrer-digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
        'log-index': expect.stringMatching(/^\d+$/) as string,
        verified: 'true',
      })
      const verdict = await scene.verify(`oci://${scene.app}@${digest}`, '--type', PROVENANCE)
      expect(verdict).toMatchObject({ exitCode: 0 })
      expect(step.summary).toContain('release&#64;1')
      expect(step.summary).toContain(`oci://${scene.app}@${digest}`)
    })

    test('signs an image in both layouts in a registry without the referrers API', async () => {
      const scene = await startActionScene(kind)
      const registry = await startDockerRegistry()
      await pushImage(registry.host, scene.image)
      const { digest } = scene.image.descriptor
      const name = `${registry.host}/app`

      const step = await scene.run({
        inputs: {
          mode: 'sign',
          server: scene.server,
          key: 'release',
          'subject-name': name,
          'subject-digest': digest,
          'push-to-registry': 'true',
          format: 'both',
        },
      })

      expect(step.annotations).toEqual([])
      // The older layout carries no proof of the service's log.
      for (const flags of [['bundle'], ['legacy', '--require-log', '0']]) {
        const verdict = await scene.verify(`oci://${name}@${digest}`, '--format', ...flags)
        expect(verdict).toMatchObject({ exitCode: 0 })
      }
      await registry.stop()
    })

    test('signs the files that globs match, into one file of bundles', async () => {
      const scene = await startActionScene(kind)
      mkdirSync(join(scene.workspace, 'dist/more'), { recursive: true })
      for (const name of ['dist/a.tgz', 'dist/more/b.tgz', 'dist/skip.txt']) {
        writeFileSync(join(scene.workspace, name), name)
      }

      const step = await scene.run({
        inputs: {
          mode: 'sign',
          server: scene.server,
          key: 'release',
          'subject-path': 'dist\n!dist/*.txt',
        },
      })

      expect(step.annotations).toEqual([])
      const path = step.outputs['bundle-path'] ?? ''
      expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2)
      const file = join(scene.workspace, 'dist/more/b.tgz')
      expect(await scene.verify(file, '--bundle', path)).toMatchObject({ exitCode: 0 })
    })

    test('attests an SBOM by the type it is of', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')
      const sbom = { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'app' }
      writeFileSync(join(scene.workspace, 'sbom.json'), JSON.stringify(sbom))

      const step = await scene.run({
        inputs: {
          server: scene.server,
          key: 'release',
          'subject-path': 'app',
          'sbom-path': 'sbom.json',
        },
      })

      const type = 'https://spdx.dev/Document/v2.3'
      const bundle = ['--bundle', step.outputs['bundle-path'] ?? '']
      const verdict = await scene.verify(join(scene.workspace, 'app'), '--type', type, ...bundle)
      expect(verdict).toMatchObject({ exitCode: 0 })
    })

    test.each([
      { many: 1024, hash: 'sha256', statements: 2 },
      { many: 300, hash: 'sha512', statements: 2 },
    ] as const)('attests $many files by $hash in $statements statements', async (case_) => {
      const { many, hash, statements } = case_
      const scene = await startActionScene(kind)
      const files = Array.from({ length: many }, (_, index) => `file-${index}`)
      const line = (name: string): string => `${hashHex(hash, name)}  ${name}`
      writeFileSync(join(scene.workspace, 'sums'), files.map(line).join('\n'))

      const step = await scene.run({
        inputs: { server: scene.server, key: 'release', 'subject-checksums': 'sums' },
      })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(step.outputs['log-index']?.split('\n')).toHaveLength(statements)
      const bundle = ['--bundle', step.outputs['bundle-path'] ?? '', '--type', PROVENANCE]
      for (const name of [files[0] ?? '', files.at(-1) ?? '']) {
        const verdict = await scene.verify(`${hash}:${hashHex(hash, name)}`, ...bundle)
        expect(verdict).toMatchObject({ exitCode: 0 })
      }
    })

    test('verifies an attestation of another job by its source', async () => {
      const scene = await startActionScene(kind)
      const { digest } = scene.image.descriptor
      const subject = { 'subject-name': scene.app, 'subject-digest': digest }
      const signer = { server: scene.server, key: 'release', 'push-to-registry': 'true' }
      await scene.run({ inputs: { ...subject, ...signer } })
      const verify = { ...subject, mode: 'verify', trust: scene.server }
      const env = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' }

      const good = await scene.run({
        inputs: { ...verify, repository: 'acme/widget', workflow: '.github/workflows/ci.yml' },
        env,
      })
      const bad = await scene.run({ inputs: { ...verify, repository: 'evil/widget' }, env })

      expect(good).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(bad).toMatchObject({ exitCode: 4, outputs: { verified: 'false' } })
      expect(bad.annotations[0]?.title).toBe('countersign ERR_IDENTITY_MISMATCH')
      expect(bad.annotations[0]?.message).toContain('https://github.com/acme/widget')
      expect(bad.annotations[0]?.message).toContain('https://github.com/evil/widget')
      expect(bad.summary).toContain('do not verify')
    })

    test('finds nothing signed, and fails', async () => {
      const scene = await startActionScene(kind)

      const step = await scene.run({
        inputs: {
          mode: 'verify',
          trust: scene.server,
          'subject-name': scene.app,
          'subject-digest': scene.image.descriptor.digest,
        },
      })

      expect(step.exitCode).toBe(5)
      expect(step.annotations[0]?.title).toBe('countersign ERR_SIGNATURE_NOT_FOUND')
    })

    test('issues a token that only its output has', async () => {
      const scene = await startActionScene(kind)

      const step = await scene.run({
        inputs: {
          mode: 'token',
          server: scene.server,
          key: 'sessions',
          audience: 'https://api.example.com',
          lifetime: '5m',
        },
      })

      const { token = '' } = step.outputs
      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(token.split('.')).toHaveLength(3)
      expect(step.masks).toContain(token)
      expect(step.visibleLog + step.summary).not.toContain(token)
    })

    test('verifies files by their bundles and the keys in the repository', async () => {
      const scene = await startActionScene(kind)
      const file = (name: string): string => join(scene.workspace, name)
      const write = (name: string, text: string): void => {
        writeFileSync(file(name), text)
      }
      for (const name of ['a', 'b', 'c']) write(name, name)
      write('predicate.json', '{"tests":"passed"}')
      const type = 'https://example.com/tests/v1'
      const made = await scene.run({
        inputs: {
          server: scene.server,
          key: 'release',
          'subject-path': 'a\nb\nc',
          'predicate-type': type,
          'predicate-path': 'predicate.json',
        },
      })
      write('trusted.json', await (await fetch(`${scene.server}/trust/keys.json`)).text())
      const bundle = { bundle: made.outputs['bundle-path'] ?? '', 'predicate-type': type }
      const inputs = { mode: 'verify', trust: 'trusted.json', 'subject-path': 'a,b,c', ...bundle }

      const good = await scene.run({ inputs })
      const other = { 'trust-fingerprint': `sha256:${'0'.repeat(64)}` }
      const strange = await scene.run({ inputs: { ...inputs, ...other } })
      write('b', 'changed')
      write('c', 'changed')
      const bad = await scene.run({ inputs })

      expect(good).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(strange.annotations[0]?.title).toBe('countersign ERR_KEY_NOT_TRUSTED')
      expect(bad.annotations[0]?.title).toBe('countersign ERR_SUBJECT_MISMATCH')
      expect(bad.annotations[0]?.message).toContain('2 artifacts do not verify')
      expect(bad.visibleLog).toMatch(/PASSED a .*\n *FAILED b/)
      expect(bad.visibleLog).toMatch(/subject: expected/)
    })

    test('prints and writes no secret', async () => {
      const scene = await startActionScene(kind)
      const inputs = { server: scene.server, key: 'release', 'github-token': 'github-secret' }
      writeFileSync(join(scene.workspace, 'app'), 'a program')

      const step = await scene.run({
        inputs: { ...inputs, 'subject-path': 'app', 'github-attestations': 'true' },
      })

      expect(step.exitCode).toBe(0)
      expect(step.masks.filter((mask) => mask.startsWith('eyJ'))).toHaveLength(1)
      const secrets = [...step.masks, scene.issuer.requestToken, 'github-secret']
      const files = readdirSync(step.temp, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
      const output = [step.visibleLog, step.summary, JSON.stringify(step.outputs), ...files]
      for (const secret of secrets) expect(output.join('\n')).not.toContain(secret)
    })

    test('tells a job without the permission what to add', async () => {
      const scene = await startActionScene(kind)
      const env = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' }
      const inputs = { server: scene.server, key: 'release', 'subject-path': '*' }

      const step = await scene.run({ inputs, env })

      expect(step.exitCode).toBe(8)
      expect(step.annotations[0]?.message).toContain('id-token: write')
      expect(scene.signed).toEqual([])
    })

    test('reports when the pull request of a fork can be signed', async () => {
      const scene = await startActionScene(kind)
      const env = {
        ACTIONS_ID_TOKEN_REQUEST_URL: '',
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: '',
        GITHUB_EVENT_NAME: 'pull_request',
      }
      const repo = (name: string): object => ({ repo: { full_name: name } })
      const event = { pull_request: { head: repo('fork/widget'), base: repo('acme/widget') } }
      const inputs = { server: scene.server, key: 'release', 'subject-path': '*' }

      const step = await scene.run({ inputs, env, event })

      expect(step.annotations[0]?.title).toBe('countersign ERR_NOT_AUTHENTICATED')
      expect(step.annotations[0]?.message).toContain('from a fork')
    })
  })
}
