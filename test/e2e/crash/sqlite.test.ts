import { test } from 'vitest'
import { killsPerStore } from '../../../tools/test/depth.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { CrashScene } from './scene.ts'
import { killRepeatedly } from './single.ts'

const KILLS = killsPerStore(process.env)

test(
  `a service over SQLite that is killed ${KILLS} times under load loses nothing and doubles nothing`,
  { timeout: 180_000 + KILLS * 20_000 },
  async () => {
    await using scene = new CrashScene({ folder: createTempFolder(), seed: 2026 })
    await killRepeatedly(scene, KILLS)
  },
)
