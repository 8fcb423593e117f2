import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** The built command line. */
export const CLI: string = resolve(ROOT, 'dist/cli/main.js')

/** Builds the command line anew, so that what is measured is what the sources say. */
export function buildCli(): void {
  const build = resolve(ROOT, 'tools/build.ts')
  const { status } = spawnSync(process.execPath, [build], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('the command line does not build')
}
