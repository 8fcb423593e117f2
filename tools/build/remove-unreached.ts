import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { reachOfModules, reachOfTypes, withoutEnding } from '../package/reach.ts'

/**
 * Removes what the compiler wrote and no entry point reaches: modules of types alone, which are empty, and the
 * declarations of modules that no caller sees.
 *
 * @param root - the project, with the library in `dist/`
 * @param entryPoints - paths of its entry points, below the project's folder
 */
export async function removeUnreached(root: string, entryPoints: readonly string[]): Promise<void> {
  const { modules } = await reachOfModules(root, entryPoints)
  const declared = reachOfTypes(root, entryPoints).modules
  for (const path of globSync('dist/**/*.{js,ts}', { cwd: root })) {
    const kept = path.endsWith('.d.ts') ? declared : modules
    if (!kept.has(withoutEnding(path))) rmSync(join(root, path))
  }
}
