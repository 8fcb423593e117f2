import { expect, test } from 'vitest'
import { killsPerStore } from '../../../tools/test/depth.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { kmsEnvironment } from '../../support/kms/environment.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { LOAD_KEYS } from './load.ts'
import { CrashScene } from './scene.ts'
import { killRepeatedly, openSqliteOf } from './single.ts'
import { type KeyState, readKeyState } from './soundness.ts'

const KILLS = Math.ceil(killsPerStore(process.env) / 3)

function kmsScene(double: KmsDouble, seed: number): CrashScene {
  const provider = `awskms://${double.endpoint}/`
  const env = kmsEnvironment(double.credentials)
  return new CrashScene({ folder: createTempFolder(), provider, env, seed })
}

async function readSqliteOf(scene: CrashScene): Promise<KeyState> {
  await using store = await openSqliteOf(scene)
  return await readKeyState(store)
}

/** All that making and finding a key asks for. */
const AWAY = ['CreateKey', 'DescribeKey', 'GetPublicKey', 'ListKeys', 'ListResourceTags', 'Sign']

/** Orphaned keys, which cost money. */
function orphans(double: KmsDouble, { versions, intents }: KeyState): readonly string[] {
  const uris = versions.map(({ uri }) => uri)
  const marks = new Set(intents.map(({ id }) => id))
  return double
    .keys()
    .filter(({ state }) => state !== 'PendingDeletion')
    .filter(({ arn, tags }) => {
      const isMarked = [...tags.values()].some((value) => marks.has(value))
      return !isMarked && !uris.some((uri) => uri.endsWith(`/${arn}`))
    })
    .map(({ arn }) => arn)
}

test(
  `a service that is killed ${KILLS} times while it makes keys in AWS KMS leaves no key behind`,
  { timeout: 180_000 + KILLS * 20_000 },
  async () => {
    // As far away as KMS is, so that kills fall between its calls.
    await using double = await startKmsDouble({ latencyMs: 10 })
    await using scene = kmsScene(double, 2028)

    await killRepeatedly(scene, KILLS, async (store) => {
      expect(orphans(double, await readKeyState(store))).toEqual([])
    })
  },
)

test(
  'a service starts though AWS KMS does not answer, and finishes a key once it does',
  { timeout: 180_000 },
  async () => {
    await using double = await startKmsDouble()
    await using scene = kmsScene(double, 2029)
    const first = await scene.start()
    const creating = double.next('CreateKey')
    const headers = { authorization: scene.authorization, 'content-type': 'application/json' }
    const body = JSON.stringify({ key: LOAD_KEYS.artifacts })
    const asked = fetch(`${first.url}/v1/keys`, { method: 'POST', headers, body })
    const cut = asked.catch(() => undefined)
    await creating
    await scene.kill(first)
    await cut
    const left = await readSqliteOf(scene)
    for (const operation of AWAY) double.fail(operation, { kind: 'hang' })

    await using second = await scene.start()
    const { status } = await fetch(`${second.url}/.well-known/jwks.json`)
    double.reset()
    await scene.untilFinished(second, left)

    expect(left.intents).toHaveLength(1)
    expect(status).toBe(200)
  },
)
