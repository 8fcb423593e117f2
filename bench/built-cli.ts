import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** The built command line. */
export const CLI: string = resolve(ROOT, 'dist/cli/main.js')

/** Rebuilds the command line, so that the measurement is of the current sources. */
export function buildCli(): void {
  const build = resolve(ROOT, 'tools/build.ts')
  const { status } = spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('the command line does not build')
}
