/** What a step does when others fail, for the shipped bundle and for the sources. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ActionScene, startActionScene, type StepKind } from '../support/runner/scene.ts'
import { freePort } from '../support/free-port.ts'
import { refuse } from '../support/registry/faults.ts'

type Inputs = Readonly<Record<string, string>>

function imageInputs({ server, app, image }: ActionScene): Inputs {
  return {
    server,
    key: 'release',
    'subject-name': app,
    'subject-digest': image.descriptor.digest,
    'push-to-registry': 'true',
  }
}

/** Uploading an attestation to GitHub. */
const UPLOAD = /^POST .*\/attestations$/

/** Answers the first signing request with a problem, then lets all through. */
function failOnce(
  scene: ActionScene,
  status: number,
  code: string,
  { when, retryAfter = 0 }: { readonly when: 'before' | 'after'; readonly retryAfter?: number },
): void {
  let isFirst = true
  scene.fault = (request, response) => {
    if (request.method !== 'POST' || !isFirst) return undefined
    isFirst = false
    const answer = (): void => {
      response.writeHead(status, {
        'content-type': 'application/problem+json',
        'retry-after': String(retryAfter),
      })
      response.end(JSON.stringify({ status, title: 'failed', code, retryable: status >= 500 }))
    }
    if (when === 'before') answer()
    else void scene.passOn(request).then(answer)
    return 'answered'
  }
}

/** Defines the cases. */
export function defineFaultCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test('waits for a registry that throttles', async () => {
      const scene = await startActionScene(kind)
      const throttle = refuse(429, { 'retry-after': '0' })
      scene.registry.switches.faults.push({ on: /^POST .*uploads/, times: 1, answer: throttle })

      const step = await scene.run({ inputs: imageInputs(scene) })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
    })

    test('says which service does not answer', async () => {
      const scene = await startActionScene(kind)
      const host = `127.0.0.1:${await freePort()}`

      const step = await scene.run({
        inputs: { ...imageInputs(scene), server: `http://${host}` },
      })

      expect(step).toMatchObject({ exitCode: 7, outputs: {} })
      expect(step.annotations).toMatchObject([{ title: 'countersign ERR_NETWORK' }])
      expect(step.annotations[0]?.message).toContain(host)
      expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(1)
    })

    test('publishes nothing of a batch if one subject cannot be signed', async () => {
      const scene = await startActionScene(kind)
      const code = 'ERR_KEY_REVOKED'
      const { digest } = scene.image.descriptor
      scene.fault = ({ method }, response) => {
        if (method !== 'POST') return undefined
        const results = [{ digest, problem: { code, detail: 'it was revoked just now' } }]
        const answer = { key: 'release', version: 1, kid: 'k', results }
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify(answer))
        return 'answered'
      }

      const step = await scene.run({ inputs: { ...imageInputs(scene), mode: 'sign' } })

      expect(step).toMatchObject({ exitCode: 6, outputs: {} })
      expect(step.annotations).toMatchObject([{ title: `countersign ${code}` }])
      expect(step.annotations[0]?.message).toContain('revoked just now')
      expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(1)
    })

    test('retries an overloaded service, no sooner than it said', async () => {
      const scene = await startActionScene(kind)
      failOnce(scene, 503, 'ERR_OVERLOADED', { when: 'before', retryAfter: 1 })
      const start = performance.now()

      const step = await scene.run({ inputs: imageInputs(scene) })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(performance.now() - start).toBeGreaterThan(1000)
    })

    test('gets the same signature if the answer was lost', async () => {
      const scene = await startActionScene(kind)
      failOnce(scene, 500, 'ERR_INTERNAL', { when: 'after' })

      const first = await scene.run({ inputs: imageInputs(scene) })
      const again = await scene.run({ inputs: imageInputs(scene) })

      expect(first.exitCode).not.toBe(0)
      expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(again.exitCode === 0 ? 2 : 1)
      const keys = new Set(scene.signed.map(({ idempotencyKey }) => idempotencyKey))
      expect(again).toMatchObject({ exitCode: 0 })
      expect(keys.size).toBe(1)
      expect(keys).not.toContain('')
    })

    test('sends a new token if one expires on the way', async () => {
      const scene = await startActionScene(kind)
      scene.jobClaims['exp'] = Math.floor(Date.now() / 1000) - 600
      scene.fault = ({ method }) => {
        // The token is on its way; the next one is good.
        if (method === 'POST') delete scene.jobClaims['exp']
        return undefined
      }

      const step = await scene.run({ inputs: imageInputs(scene) })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      const asked = scene.issuer.requests.filter((path) => path.startsWith('/token'))
      expect(asked).toHaveLength(2)
    })

    test('publishes nothing if the bundle cannot be stored', async () => {
      const scene = await startActionScene(kind)

      const step = await scene.run({
        inputs: imageInputs(scene),
        env: { RUNNER_TEMP: '/dev/full/nowhere' },
      })

      expect(step.exitCode).toBe(2)
      expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(1)
      expect(step.outputs).toEqual({})
    })

    test('publishes nothing to a read-only registry', async () => {
      const scene = await startActionScene(kind)
      scene.registry.switches.faults.push({ on: /^POST .*uploads/, answer: refuse(403) })

      const step = await scene.run({ inputs: imageInputs(scene) })

      expect(step.annotations[0]?.title).toBe('countersign ERR_NOT_ALLOWED')
      expect(step.outputs).toEqual({})
    })

    test('a job that is cancelled before publishing leaves nothing', async () => {
      const scene = await startActionScene(kind)
      const cancel = new AbortController()
      scene.fault = (request) => {
        if (request.method !== 'POST') return undefined
        cancel.abort()
        return 'answered'
      }

      const step = await scene.run({ inputs: imageInputs(scene), signal: cancel.signal })

      expect(step.annotations[0]?.title).toBe('countersign ERR_CANCELLED')
      expect(step.outputs).toEqual({})
      expect(scene.registry.seen(/^PUT .*manifests/)).toHaveLength(1)
      expect(existsSync(step.temp) ? readdirSync(step.temp) : []).toEqual([])
    })

    const refusals = [
      { status: 403, message: 'Resource not accessible by integration' },
      { status: 422, message: 'values do not match' },
      { status: 429, message: 'slow down' },
      { status: 503, message: 'no server is available' },
    ]
    test.each(refusals)('warns in the words of GitHub: $status', async ({ status, message }) => {
      const scene = await startActionScene(kind)
      scene.github.answer(UPLOAD, { status, body: { message } })
      const inputs = { ...imageInputs(scene), 'github-attestations': 'true', 'github-token': 'gh' }

      const step = await scene.run({ inputs })

      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(step.annotations).toHaveLength(1)
      expect(step.annotations[0]).toMatchObject({ level: 'warning' })
      expect(step.annotations[0]?.message).toContain(message)
    })

    test('keeps a copy with GitHub, and reads it there without the token', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')
      const github = { 'github-attestations': 'true', 'github-token': 'gh' }
      const made = await scene.run({
        inputs: { server: scene.server, key: 'release', 'subject-path': 'app', ...github },
      })

      const step = await scene.run({
        inputs: {
          mode: 'verify',
          trust: scene.server,
          'subject-path': 'app',
          repository: 'acme/widget',
          'github-token': 'gh',
        },
      })

      expect(made.outputs).toMatchObject({
        'attestation-id': '1',
        'attestation-url': 'https://github.com/acme/widget/attestations/1',
      })
      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      const blobs = scene.github.requests.filter(({ path }) => path.startsWith('/blobs/'))
      expect(blobs).toMatchObject([{ authorization: undefined }])
    })
  })
}
