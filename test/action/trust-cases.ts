/** What a step does about whose signatures count, for the shipped bundle and for the sources. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { countersign } from '../support/cli.ts'
import { GITHUB_ISSUER } from '../support/identity-claims.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { startKmsScene } from '../support/runner/kms-scene.ts'
import { type ActionScene, startActionScene, type StepKind } from '../support/runner/scene.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Revokes the active version, as an incident responder does; its standby follows it. */
async function revoke(server: string, token: string): Promise<void> {
  const before = await published(server)
  const args = ['key', 'revoke', 'release', '--mode', 'seamless', '--confirm', 'release']
  // Forced, for a key of one version is left without any.
  const why = ['--compromised-since', '2020-01-01T00:00:00Z', '--force', '--reason', 'stolen']
  const world = { env: { COUNTERSIGN_TOKEN: token }, now: new Date() }
  const revoked = await countersign([...args, ...why, '--server', server], world)
  expect(revoked).toMatchObject({ exitCode: 0 })
  // The history is signed right after it was changed.
  await vi.waitUntil(async () => (await published(server)) !== before, SOON)
}

async function published(server: string): Promise<string> {
  return (await fetch(`${server}/trust/keys.json`)).text()
}

async function revokeRelease({ server, issuer }: ActionScene): Promise<void> {
  await revoke(server, await issuer.mint({ iss: GITHUB_ISSUER }))
}

/** Defines the cases. */
export function defineTrustCases(kind: StepKind): void {
  describe(`the ${kind}`, () => {
    test('rejects a signature of a revoked version, and says what was expected', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')
      const made = await scene.run({
        inputs: { mode: 'sign', server: scene.server, key: 'release', 'subject-path': 'app' },
      })
      const bundle = made.outputs['bundle-path'] ?? ''
      const inputs = { mode: 'verify', trust: scene.server, 'subject-path': 'app', bundle }

      const before = await scene.run({ inputs })
      await revokeRelease(scene)
      const after = await scene.run({ inputs })

      expect(before).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
      expect(after).toMatchObject({ exitCode: 6, outputs: { verified: 'false' } })
      expect(after.annotations[0]?.title).toBe('countersign ERR_KEY_REVOKED')
      expect(after.visibleLog).toMatch(/expected .*\n.*actual {3}release@1 .*is revoked/)
      expect(after.summary).toContain('do not verify')
    })

    test('signs with the version that follows a revoked one', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'app'), 'a program')
      await revokeRelease(scene)
      const signer = { server: scene.server, key: 'release', trust: scene.server }

      const step = await scene.run({ inputs: { ...signer, 'subject-path': 'app' } })

      expect(step).toMatchObject({ exitCode: 0, outputs: { 'key-version': '2' } })
    })

    test('signs nothing with a version that is not accepted yet', async () => {
      const scene = await startActionScene(kind)
      writeFileSync(join(scene.workspace, 'trusted.json'), await published(scene.server))
      await revokeRelease(scene)
      const signer = { server: scene.server, key: 'release', trust: 'trusted.json' }

      const requests = scene.signed.length
      const step = await scene.run({ inputs: { ...signer, 'subject-path': 'trusted.json' } })

      expect(step.exitCode).toBe(6)
      expect(step.annotations[0]?.title).toBe('countersign ERR_KEY_NOT_USABLE')
      expect(step.annotations[0]?.message).toContain('is pending in')
      expect(scene.signed).toHaveLength(requests)
    })

    test('signs nothing with a key in KMS that its service has revoked', async () => {
      const scene = await startKmsScene(kind)
      stubKmsEnvironment(scene.kms.credentials)
      onTestFinished(() => void vi.unstubAllEnvs())
      const keys = { release: { use: 'artifact', provider: scene.key } } as const
      const service = writeServiceFolder({ folder: createTempFolder(), keys })
      const { address } = await runServer(service)
      const inputs = { mode: 'sign', key: scene.key, trust: address, 'subject-path': 'ca.pem' }

      const before = await scene.run({ ambient: true, inputs })
      // A caller with access to the key can still use it, whatever the service says.
      scene.kms.deny('DisableKey')
      await revoke(address, service.env['COUNTERSIGN_TEST_TOKEN'] ?? '')
      const signatures = scene.kms.calls.get('Sign')
      const after = await scene.run({ ambient: true, inputs })

      expect(before).toMatchObject({ exitCode: 0, outputs: { 'key-version': '1' } })
      expect(before.summary).toContain(`--key ${address}/keys/`)
      expect(after.exitCode).toBe(6)
      expect(after.annotations[0]?.title).toBe('countersign ERR_KEY_REVOKED')
      expect(scene.kms.calls.get('Sign')).toBe(signatures)
    })
  })
}
