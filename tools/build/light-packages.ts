import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { reachOfModules, reachOfTypes } from '../package/reach.ts'

/** Folders of the packages that contain a part of the library, below the project's. */
export const LIGHT_PACKAGES: readonly string[] = ['packages/verify', 'packages/jose']

/**
 * Copies what the entry points of each light package reach out of the compiled library, byte for byte: the same
 * modules in every package of one release.
 *
 * @param root - the project, with the library in `dist/`
 */
export async function fillLightPackages(root: string): Promise<void> {
  for (const folder of LIGHT_PACKAGES) {
    const target = join(root, folder)
    rmSync(join(target, 'dist'), { recursive: true, force: true })
    const entryPoints = readEntryPoints(target)
    const { modules } = await reachOfModules(root, entryPoints)
    const declared = reachOfTypes(root, entryPoints).modules
    const files = [...modules].map((module) => `${module}.js`)
    files.push(...[...declared].map((module) => `${module}.d.ts`))
    for (const path of files) copyInto(target, path, root)
    copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'))
  }
}

function readEntryPoints(folder: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>
  }
  return Object.values(exports).filter((path) => path.endsWith('.js'))
}

function copyInto(target: string, path: string, root: string): void {
  mkdirSync(dirname(join(target, path)), { recursive: true })
  copyFileSync(join(root, path), join(target, path))
}
