/** What a step does with a key in AWS KMS, for the shipped bundle and for the sources. */
import { createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseBundle } from '../../src/formats/bundle.ts'
import { parseStatement } from '../../src/formats/statement.ts'
import type { ActionResult } from '../../src/testing.ts'
import { pushImage } from '../oci/open-registry.ts'
import { countersign } from '../support/cli.ts'
import { createImage } from '../support/oci-content.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { ROLE, startKmsScene, strangePublicKey } from '../support/runner/kms-scene.ts'
import type { StepKind } from '../support/runner/scene.ts'

function predicateOf({ outputs }: ActionResult): object {
  const { content } = parseBundle(readFileSync(outputs['bundle-path'] ?? ''))
  if (content.kind !== 'dsse') throw new Error('no envelope')
  return parseStatement(content.envelope.payload).predicate
}

/** Defines the cases. */
export function defineKmsCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test('signs with the credentials that are there', async () => {
      const scene = await startKmsScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')

      const step = await scene.run({
        ambient: true,
        inputs: { mode: 'sign', key: scene.key, 'subject-path': 'app' },
      })

      expect(step.annotations).toEqual([])
      expect(step).toMatchObject({ exitCode: 0, outputs: { verified: 'true', 'key-version': '' } })
      expect(step.summary).toContain('AWS KMS')
    })

    test('attests provenance of verified claims, with a role that the job takes', async () => {
      const scene = await startKmsScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')

      const step = await scene.run({
        inputs: { key: scene.key, 'role-to-assume': ROLE, 'subject-path': 'app' },
      })

      expect(step.annotations).toEqual([])
      expect(predicateOf(step)).toMatchObject({
        buildDefinition: {
          externalParameters: { workflow: { path: '.github/workflows/ci.yml' } },
        },
      })
      expect(step.summary).toContain('made on the runner')
      const { secretAccessKey } = scene.kms.credentials
      const [token = ''] = scene.sts.tokens
      const secrets = [secretAccessKey, 'session-token-of-the-role', token]
      expect(step.masks).toEqual(expect.arrayContaining(secrets))
      const output = step.visibleLog + step.summary + JSON.stringify(step.outputs)
      for (const secret of secrets) expect(output).not.toContain(secret)
    })

    test('signs an image in both layouts, verified before they are attached', async () => {
      const scene = await startKmsScene(kind)
      const registry = await createRegistryDouble()
      const image = createImage()
      await pushImage(registry.host, image)
      const { digest } = image.descriptor
      const subject = { 'subject-name': `${registry.host}/app`, 'subject-digest': digest }
      const signer = { mode: 'sign', key: scene.key, 'push-to-registry': 'true', format: 'both' }

      const step = await scene.run({ ambient: true, inputs: { ...signer, ...subject } })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      const [key] = scene.kms.keys()
      const pem = createPublicKey(key?.privateKey ?? '').export({ type: 'spki', format: 'pem' })
      writeFileSync(join(scene.workspace, 'key.pem'), pem)
      for (const format of ['bundle', 'legacy']) {
        const image = `oci://${registry.host}/app@${digest}`
        const pinned = ['--key', join(scene.workspace, 'key.pem'), '--format', format]
        expect(await countersign(['verify', image, ...pinned])).toMatchObject({ exitCode: 0 })
      }
    })

    test('reports the missing permissions of the role', async () => {
      const scene = await startKmsScene(kind)
      const role = ROLE.replace('release', 'other')
      const inputs = { key: scene.key, 'role-to-assume': role, 'subject-path': 'ca.pem' }

      const step = await scene.run({ inputs })

      expect(step.exitCode).toBe(8)
      expect(step.annotations[0]?.title).toBe('countersign ERR_NOT_ALLOWED')
      expect(step.annotations[0]?.message).toContain('trust policy of the role')
    })

    test('reports which permission of AWS is missing', async () => {
      const scene = await startKmsScene(kind)
      scene.kms.deny('Sign')
      const inputs = { mode: 'sign', key: scene.key, 'subject-path': 'ca.pem' }

      const step = await scene.run({ ambient: true, inputs })

      expect(step.annotations[0]?.title).toBe('countersign ERR_NOT_ALLOWED')
      expect(step.annotations[0]?.message).toContain('kms:Sign')
    })

    test('signs nothing with a key that is not among those that are trusted', async () => {
      const scene = await startKmsScene(kind)
      writeFileSync(join(scene.workspace, 'trusted.pem'), strangePublicKey())
      const inputs = {
        mode: 'sign',
        key: scene.key,
        trust: 'trusted.pem',
        'subject-path': 'ca.pem',
      }

      const step = await scene.run({ ambient: true, inputs })

      expect(step.annotations[0]?.title).toBe('countersign ERR_KEY_NOT_TRUSTED')
      expect(scene.kms.calls.get('Sign')).toBeUndefined()
    })
  })
}
