import { copyFileSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { relocate } from '../../src/keys/transitions.ts'
import { transition } from '../../src/rotation/key-changes.ts'
import { previewRelocation } from '../../src/rotation/preview.ts'
import { serializeKeyUri } from '../../src/providers/key-uri.ts'
import { relocateVersion } from '../../src/rotation/relocation.ts'
import { createKeyring } from '../../src/rotation/store-keyring.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

async function start(): Promise<RotationScene> {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  return scene
}

const path = (scene: RotationScene, name: string): string =>
  join(scene.folder, 'keys', `${name}.pem`)

/** Puts a copy of the key pair of a version beside it. */
async function copyOf(scene: RotationScene, number: number): Promise<string> {
  const { uri } = await scene.version(number)
  copyFileSync(uri.slice('file:'.length), path(scene, `copy-${number}`))
  return `file:${path(scene, `copy-${number}`)}`
}

function otherPair(scene: RotationScene): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(path(scene, 'other'), pem, { mode: 0o600 })
  return `file:${path(scene, 'other')}`
}

test('a relocated version keeps number, kid, state and times, and the log records where it is', async () => {
  const scene = await start()
  const before = await scene.version(1)
  const uri = await copyOf(scene, 1)

  const { sequence } = await relocateVersion(
    scene.context(),
    'release',
    { version: 1, uri },
    OPERATOR,
  )

  expect(await scene.version(1)).toEqual({ ...before, uri, revision: before.revision + 1 })
  expect((await scene.log()).at(-1)).toMatchObject({
    type: 'state',
    action: 'relocate',
    caller: OPERATOR.caller,
    from: 'active',
    to: 'active',
    uri,
    sequence,
  })
})

test('a standby is relocated before it ever signs', async () => {
  const scene = await start()
  const uri = await copyOf(scene, 2)

  await relocateVersion(scene.context(), 'release', { version: 2, uri }, OPERATOR)

  expect((await scene.version(2)).uri).toBe(uri)
  expect(await scene.states()).toBe('active standby')
})

test('a version never moves to another key pair, to another provider, or to where it is', async () => {
  const scene = await start()
  const { uri: own } = await scene.version(1)
  const before = await scene.versions()
  const move = (uri: string): Promise<string> =>
    codeOfAsync(() => relocateVersion(scene.context(), 'release', { version: 1, uri }, OPERATOR))

  expect(await move(otherPair(scene))).toBe('ERR_TRANSITION_REFUSED')
  expect(await move((await scene.version(2)).uri)).toBe('ERR_TRANSITION_REFUSED')
  expect(await move(own)).toBe('ERR_TRANSITION_REFUSED')
  expect(await move('file:/etc/key.pem')).toBe('ERR_KEY_URI_INVALID')
  expect(await move('awskms:///alias/x')).toBe('ERR_KEY_URI_INVALID')
  expect(await move(`file:${path(scene, 'absent')}`)).toBe('ERR_KEY_NOT_FOUND')
  expect(await scene.versions()).toEqual(before)
})

test.each(['retire', 'revoke'] as const)('a version does not move after %s', async (action) => {
  const scene = await start()
  const uri = await copyOf(scene, 2)
  const operation =
    action === 'retire' ? { action, version: 2 } : { action, version: 2, mode: 'seamless' as const }
  await transition(scene.context(), 'release', operation, OPERATOR)

  const code = await codeOfAsync(() =>
    relocateVersion(scene.context(), 'release', { version: 2, uri }, OPERATOR),
  )

  expect(code).toBe('ERR_TRANSITION_REFUSED')
})

test('of two moves from one location, the later one is refused', async () => {
  const scene = await start()
  const { uri: from } = await scene.version(1)
  const uri = await copyOf(scene, 1)
  await relocateVersion(scene.context(), 'release', { version: 1, uri }, OPERATOR)
  const moment = { key: scene.key, versions: await scene.versions(), now: scene.now }

  expect(codeOf(() => relocate(moment, 1, { from, to: `${uri}.other` }))).toBe('ERR_STATE_CONFLICT')
})

test('a plan of a move makes the test and changes nothing', async () => {
  const scene = await start()
  const before = await scene.versions()
  const uri = await copyOf(scene, 1)
  const plan = (to: string): ReturnType<typeof previewRelocation> =>
    previewRelocation(scene.context(), 'release', { version: 1, uri: to })

  expect(await plan(uri)).toMatchObject({
    changes: [{ version: 1, from: 'active', to: 'active' }],
    steps: [{ version: 1, action: 'relocate', uri }],
    refusal: undefined,
  })
  expect((await plan(otherPair(scene))).refusal?.code).toBe('ERR_TRANSITION_REFUSED')
  expect(await scene.versions()).toEqual(before)
})

test('after the move a version signs in its new location alone', async () => {
  const scene = await start()
  const opened: string[] = []
  await using keyring = await createKeyring({
    store: scene.store,
    openKey: (reference, options) => {
      opened.push(typeof reference === 'string' ? reference : serializeKeyUri(reference))
      return scene.providers.openKey(reference, options)
    },
    onError: () => undefined,
  })
  await keyring.activeSigner('release', 'artifact')
  const uri = await copyOf(scene, 1)

  await relocateVersion(scene.context(), 'release', { version: 1, uri }, OPERATOR)
  await keyring.refresh()
  const { signer } = await keyring.activeSigner('release', 'artifact')

  expect(opened.at(-1)).toBe(uri)
  await expect(signer.sign(new Uint8Array(3))).resolves.toBeDefined()
})
