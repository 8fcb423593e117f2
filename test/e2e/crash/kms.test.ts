import { expect, test } from 'vitest'
import { killsPerStore } from '../../../tools/test/kills.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { kmsEnvironment } from '../../support/kms/environment.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { CrashScene } from './scene.ts'
import { killRepeatedly } from './single.ts'
import { type KeyState, readKeyState } from './soundness.ts'

const KILLS = Math.ceil(killsPerStore(process.env) / 3)

/** Keys that cost money and that nobody knows of. */
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
  { timeout: 60_000 + KILLS * 20_000 },
  async () => {
    // As far away as KMS is, so that kills fall between its calls.
    await using double = await startKmsDouble({ latencyMs: 10 })
    const scene = new CrashScene({
      folder: createTempFolder(),
      provider: `awskms://${double.endpoint}/`,
      env: kmsEnvironment(double.credentials),
      seed: 2028,
    })

    await killRepeatedly(scene, KILLS, async (store) => {
      expect(orphans(double, await readKeyState(store))).toEqual([])
    })
  },
)
