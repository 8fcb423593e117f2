/** What is left, and said, when a step fails or is cancelled while it publishes: the bundle and the sources. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runAction } from '../../src/testing.ts'
import { pushImage } from '../oci/open-registry.ts'
import { freePort } from '../support/free-port.ts'
import { PROJECT } from '../support/project.ts'
import { refuse } from '../support/registry/faults.ts'
import { type ActionScene, startActionScene, type StepKind } from '../support/runner/scene.ts'
import { createTempFolder } from '../support/temp-folder.ts'

type Inputs = Readonly<Record<string, string>>

function imageInputs({ server, app, image }: ActionScene, more: Inputs = {}): Inputs {
  return {
    server,
    key: 'release',
    'subject-name': app,
    'subject-digest': image.descriptor.digest,
    'push-to-registry': 'true',
    ...more,
  }
}

/** Has the registry hold the next request of a kind for ever, and cancels the job meanwhile. */
function cancelAt({ registry }: ActionScene, on: RegExp): AbortSignal {
  const cancel = new AbortController()
  const answer = (): void => {
    cancel.abort()
  }
  registry.switches.faults.push({ on, times: 1, answer })
  return cancel.signal
}

interface ManifestDocument {
  readonly config?: { readonly digest: string }
  readonly layers?: readonly { readonly digest: string }[]
  readonly manifests?: readonly { readonly digest: string }[]
}

/** Missing manifests that others of the registry refer to. */
function missing({ registry }: ActionScene): readonly string[] {
  const { manifests, blobs } = registry.repository('app')
  return [...manifests.values()].flatMap(({ bytes }) => {
    const document = JSON.parse(bytes.toString()) as ManifestDocument
    const { config, layers = [], manifests: listed = [] } = document
    const named = [...(config === undefined ? [] : [config]), ...layers]
    return [
      ...named.filter(({ digest }) => !blobs.has(digest)),
      ...listed.filter(({ digest }) => !manifests.has(digest)),
    ].map(({ digest }) => digest)
  })
}

/** Text that matches, typed as the text it stands for. */
function text(pattern: RegExp): string {
  return expect.stringMatching(pattern) as string
}

/** Defines the cases. */
export function definePublishingCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test.each([
      ['a blob', /^PUT .*uploads/],
      ['the manifest', /^PUT .*manifests\/sha256:/],
      ['the list of referrers', /^PUT .*manifests\/sha256-/],
    ])(
      'leaves nothing half-published when it is cancelled while it sends %s',
      async (_what, on) => {
        const scene = await startActionScene(kind)
        scene.registry.switches.referrersApi = 'off'
        const { digest } = scene.image.descriptor
        const tag = digest.replace(':', '-')
        await scene.run({ inputs: imageInputs(scene, { mode: 'sign' }) })
        const listed = scene.registry.repository('app').tagNow(tag)
        const signal = cancelAt(scene, on)

        const step = await scene.run({ inputs: imageInputs(scene), signal, terminateAfterMs: 50 })

        expect(step).toMatchObject({ exitCode: 7, outputs: {} })
        expect(step.annotations).toMatchObject([{ title: 'countersign ERR_CANCELLED' }])
        expect(step.annotations[0]?.message).toContain('finished before that: nothing')
        expect(scene.registry.repository('app').tagNow(tag)).toBe(listed)
        expect(missing(scene)).toEqual([])
        const again = await scene.run({ inputs: imageInputs(scene) })
        expect(again).toMatchObject({ exitCode: 0, annotations: [] })
        expect(scene.registry.repository('app').tagNow(tag)).not.toBe(listed)
        expect(missing(scene)).toEqual([])
      },
    )

    test('reports what is attached already if the next image cannot be written', async () => {
      const scene = await startActionScene(kind)
      const { digest } = scene.image.descriptor
      await pushImage(scene.registry.host, scene.image, { repository: 'other' })
      const other = scene.app.replace(/app$/, 'other')
      const subjects = [scene.app, other].map((name) => ({ name, digest, kind: 'oci' }))
      const list = join(scene.workspace, 'list.json')
      writeFileSync(list, JSON.stringify({ version: 1, subjects }))
      scene.registry.switches.faults.push({ on: /^PUT .*other\/manifests/, answer: refuse(403) })
      const inputs = { server: scene.server, key: 'release', 'push-to-registry': 'true' }

      const step = await scene.run({ inputs, env: { GITHUB_ARTIFACTS_LIST: list } })

      expect(step.annotations[0]?.title).toBe('countersign ERR_NOT_ALLOWED')
      expect(step.annotations[0]?.message).toContain(`attached to ${scene.app}@${digest}: sha256:`)
      expect(step.annotations[0]?.message).toContain('safe to run it again')
      expect(step.outputs).toEqual({})
    })

    test.each(['/dev/full', '/dev'])(
      'fails and reports what is published if its outputs cannot be written to %s',
      async (path) => {
        const scene = await startActionScene(kind)
        const { digest } = scene.image.descriptor
        const inputs = imageInputs(scene)

        const step = await scene.run({ inputs, env: { GITHUB_OUTPUT: path } })
        const again = await scene.run({ inputs })

        expect(step.exitCode).toBe(2)
        expect(step.annotations).toMatchObject([{ title: 'countersign ERR_FILE_WRITE' }])
        expect(step.annotations[0]?.message).toContain(path)
        expect(step.annotations[0]?.message).toContain(
          `attached to ${scene.app}@${digest}: sha256:`,
        )
        expect(step.summary).toContain(digest)
        expect(again).toMatchObject({ exitCode: 0, annotations: [] })
        expect(step.summary).toContain(`| ${again.outputs['log-index'] ?? ''} |`)
        expect(new Set(scene.signed.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
      },
    )

    test('a verdict is printed even if the outputs cannot be written', async () => {
      const scene = await startActionScene(kind)
      const { digest } = scene.image.descriptor
      const subject = { 'subject-name': scene.app, 'subject-digest': digest }
      const inputs = { mode: 'verify', trust: scene.server, ...subject }

      const step = await scene.run({ inputs, env: { GITHUB_OUTPUT: '/dev/full' } })

      expect(step.exitCode).toBe(5)
      expect(step.annotations).toMatchObject([
        { title: 'countersign ERR_SIGNATURE_NOT_FOUND' },
        { title: 'countersign ERR_FILE_WRITE' },
      ])
    })

    test('succeeds without its summary if there is no room for one', async () => {
      const scene = await startActionScene(kind)

      const env = { GITHUB_STEP_SUMMARY: '/dev/full' }
      const step = await scene.run({ inputs: imageInputs(scene), env })

      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(step.annotations).toMatchObject([
        { level: 'warning', title: 'countersign ERR_FILE_WRITE', message: text(/ENOSPC/) },
      ])
    })

    test('names the file of its bundles in the list of the job', async () => {
      const scene = await startActionScene(kind)

      const step = await scene.run({ inputs: imageInputs(scene) })

      const list = readFileSync(join(step.temp, 'created_attestation_paths.txt'), 'utf8')
      expect(list).toBe(`${step.outputs['bundle-path'] ?? ''}\n`)
    })

    test('has GitHub record the location and version of the image only on request', async () => {
      const scene = await startActionScene(kind)
      const { github, app, image } = scene
      const inputs = imageInputs(scene, { 'github-token': 'gh' })

      await scene.run({ inputs })
      expect(github.requests).toEqual([])
      const step = await scene.run({ inputs: { ...inputs, 'subject-version': '1.4.2' } })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(step.outputs['storage-record-ids']).toBe('1')
      expect(github.storageRecords).toEqual([
        {
          name: app,
          digest: image.descriptor.digest,
          version: '1.4.2',
          registry_url: `https://${app.split('/')[0] ?? ''}`,
          github_repository: 'widget',
        },
      ])
    })

    test('is done without a storage record that GitHub refuses', async () => {
      const scene = await startActionScene(kind)
      scene.github.answer(/^POST \/orgs\//, { status: 403 })
      const github = { 'create-storage-record': 'true', 'github-token': 'gh' }

      const step = await scene.run({ inputs: imageInputs(scene, github) })

      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(step.annotations).toMatchObject([
        { level: 'warning', message: text(/status 403[^]*artifact-metadata: write/) },
      ])
    })

    test('waits for GitHub no longer than it may, and is done without it', async () => {
      const scene = await startActionScene(kind)
      scene.github.answer(/^POST/, { delayMs: Infinity })
      for (const name of ['a', 'b']) writeFileSync(join(scene.workspace, name), name)
      const github = { 'github-attestations': 'true', 'github-token': 'gh' }
      const service = { mode: 'sign', server: scene.server, key: 'release' }

      const step = await scene.run({ inputs: { ...service, 'subject-path': 'a\nb', ...github } })

      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(step.annotations).toMatchObject([{ level: 'warning', message: text(/timeout/) }])
    })

    test('succeeds without GitHub if GitHub does not answer', async () => {
      const scene = await startActionScene(kind)
      const github = { 'github-attestations': 'true', 'github-token': 'gh' }
      const url = `http://127.0.0.1:${await freePort()}`

      const env = { GITHUB_API_URL: url }
      const step = await scene.run({ inputs: imageInputs(scene, github), env })

      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(step.annotations).toMatchObject([{ level: 'warning', message: text(/ECONNREFUSED/) }])
    })

    test('a job that is cancelled does not wait for GitHub', async () => {
      const scene = await startActionScene(kind)
      const cancel = new AbortController()
      scene.github.answer(/^POST/, { delayMs: Infinity })
      scene.registry.switches.faults.push({
        on: /^GET .*referrers/,
        times: 1,
        answer: (response) => {
          cancel.abort()
          refuse(503, { 'retry-after': '0' })(response)
        },
      })
      const github = { 'github-attestations': 'true', 'github-token': 'gh' }
      const { signal } = cancel

      const step = await scene.run({ inputs: imageInputs(scene, github), signal })

      if (kind === 'bundle') {
        expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
        expect(step.annotations).toMatchObject([{ level: 'warning', message: text(/abort/) }])
      } else expect(step).toMatchObject({ exitCode: 7, outputs: {} })
    })
  })
}

const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

/** Defines the case of a disk that is really full, where this machine lets a process have one. */
export function defineFullDiskCase(): void {
  test.skipIf(!canMount)('publishes nothing when the disk has no room for the bundle', async () => {
    const scene = await startActionScene('bundle')
    const entry = join(createTempFolder(), 'entry.mjs')
    const bundle = join(PROJECT, 'action/dist/index.js')
    // Without a shell: those drop variables whose names have hyphens.
    writeFileSync(
      entry,
      `import { spawnSync } from 'node:child_process'
      import { readFileSync, writeFileSync } from 'node:fs'
      const run = (...[program, ...args]) => spawnSync(program, args, { stdio: 'inherit' }).status
      const { argv, env, execPath } = process
      if (argv[2] !== 'inside') process.exitCode = run('unshare', '-rm', execPath, argv[1], 'inside')
      else {
        run('mount', '-t', 'tmpfs', '-o', 'size=4k', 'none', env.RUNNER_TEMP)
        writeFileSync(env.RUNNER_TEMP + '/all-there-is', Buffer.alloc(4096))
        process.exitCode = run(execPath, ${JSON.stringify(bundle)})
      }`,
    )
    const env = { ...scene.issuer.variables, ...scene.github.variables }

    using step = await runAction(entry, { inputs: imageInputs(scene), env })

    expect(step).toMatchObject({ exitCode: 2, outputs: {} })
    expect(step.annotations).toMatchObject([{ title: 'countersign ERR_FILE_WRITE' }])
    expect(step.annotations[0]?.message).toContain('no space left on the disk')
    expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(1)
  })
}
