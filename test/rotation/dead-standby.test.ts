import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Providers } from '../../src/providers/registry.ts'
import { CountersignError } from '../../src/errors.ts'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { codeOfAsync } from '../support/errors.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

async function withStandby(): Promise<RotationScene> {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  scene.passPeriod()
  return scene
}

const fileOf = (scene: RotationScene, version: number): string =>
  join(scene.folder, 'keys', `release-${version}.pem`)

/** The ways in which the key pair of a version comes to be of no use. */
const DEATHS: Readonly<Record<string, (scene: RotationScene, version: number) => void>> = {
  'is gone': (scene, version) => {
    renameSync(fileOf(scene, version), join(scene.folder, 'away.pem'))
  },
  'is damaged': (scene, version) => {
    writeFileSync(fileOf(scene, version), '-----BEGIN PRIVATE KEY-----\nAAAA\n')
  },
  'became another key': (scene, version) => {
    writeFileSync(fileOf(scene, version), readFileSync(fileOf(scene, 1)))
  },
}

for (const [what, kill] of Object.entries(DEATHS)) {
  test(`a standby whose key pair ${what} is never activated by the scheduler, but replaced`, async () => {
    const scene = await withStandby()
    kill(scene, 2)

    const code = await codeOfAsync(() => doDueSteps(scene.context(), 'release', OPERATOR))

    expect(code).toBe('ERR_TRANSITION_REFUSED')
    expect(await scene.states()).toBe('active retired standby')
    expect((await scene.actions()).slice(-3)).toEqual(['retire 2', 'create 3', 'publish 3'])
    scene.passPeriod()
    await doDueSteps(scene.context(), 'release', OPERATOR)
    expect(await scene.states()).toBe('retired retired active standby')
  })

  test(`a standby whose key pair ${what} is never activated by an operator, forced or not`, async () => {
    const scene = await withStandby()
    kill(scene, 2)

    const code = await codeOfAsync(() => rotate(scene.context(), 'release', {}, OPERATOR))

    expect(code).toBe('ERR_TRANSITION_REFUSED')
    expect(await scene.states()).toBe('active retired standby')
    kill(scene, 3)
    const forced = { action: 'activate', version: 3, force: true } as const
    const again = await codeOfAsync(() => transition(scene.context(), 'release', forced, OPERATOR))
    expect(again).toBe('ERR_TRANSITION_REFUSED')
    expect(await scene.states()).toBe('active retired retired standby')
  })

  test(`a revocation passes over a standby whose key pair ${what}`, async () => {
    const scene = await withStandby()
    kill(scene, 2)

    const revoke = { action: 'revoke', mode: 'seamless' } as const
    await transition(scene.context(), 'release', revoke, OPERATOR)

    expect(await scene.states()).toBe('revoked retired active')
  })
}

const away: Pick<Providers, 'provider' | 'openKey'> = {
  provider: () => Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'away')),
  openKey: () => Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'away')),
}

test('an outage of the backend activates nothing, and costs no standby', async () => {
  const scene = await withStandby()

  const rotation = scene.context({ providers: away })
  const code = await codeOfAsync(() => doDueSteps(rotation, 'release', OPERATOR))

  expect(code).toBe('ERR_PROVIDER_UNAVAILABLE')
  expect(await scene.states()).toBe('active standby')
})

test('a revocation does not wait for an unavailable backend', async () => {
  const scene = await withStandby()

  const revoke = { action: 'revoke', mode: 'seamless' } as const
  await transition(scene.context({ providers: away }), 'release', revoke, OPERATOR)

  expect(await scene.states()).toBe('revoked active')
})

test('a forced revocation stops a key that has only a dead standby', async () => {
  const scene = await withStandby()
  DEATHS['is gone']?.(scene, 2)
  const providers: Pick<Providers, 'provider' | 'openKey'> = {
    ...scene.providers,
    provider: () => Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'away')),
  }
  const rotation = scene.context({ providers })
  const revoke = { action: 'revoke', mode: 'seamless' } as const

  const code = await codeOfAsync(() => transition(rotation, 'release', revoke, OPERATOR))
  expect(code).toBe('ERR_TRANSITION_REFUSED')
  await transition(rotation, 'release', { ...revoke, force: true }, OPERATOR)

  expect(await scene.states()).toBe('revoked retired')
})
