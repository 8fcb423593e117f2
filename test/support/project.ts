import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The project's own folder. */
export const PROJECT: string = resolve(import.meta.dirname, '../..')

/** Reads a file of the project, named from its root. */
export function readProjectFile(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8')
}

/** Lists the project's files that match a pattern, named from its root, in order. */
export function listProjectFiles(...patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: PROJECT }).toSorted()
}

/** Runs git in the project and returns what it prints, or undefined without git or a repository. */
export function git(...args: readonly string[]): string | undefined {
  const run = spawnSync('git', args, { cwd: PROJECT, encoding: 'utf8', maxBuffer: 64 << 20 })
  return run.status === 0 ? run.stdout : undefined
}
