import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import ts from 'typescript'

/** Modules of a package, by path without its ending, and the packages they load or take types from. */
export interface Reach {
  readonly modules: ReadonlySet<string>
  readonly packages: ReadonlySet<string>
}

/**
 * Finds what compiled modules load, late imports included.
 *
 * @param folder - the package
 * @param entryPoints - paths of its modules, below the folder
 */
export async function reachOfModules(
  folder: string,
  entryPoints: readonly string[],
): Promise<Reach> {
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: [...entryPoints],
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    write: false,
    outdir: 'unwritten',
    metafile: true,
    logLevel: 'error',
  })
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports)
  const external = imports.filter(({ external }) => external).map(({ path }) => path)
  const modules = Object.keys(metafile.inputs).map(withoutEnding)
  return { modules: new Set(modules), packages: packageNames(external) }
}

/**
 * Finds what the type declarations of compiled modules refer to. They import each other by the names of the modules
 * they describe, or of their sources.
 */
export function reachOfTypes(folder: string, entryPoints: readonly string[]): Reach {
  const seen = new Set<string>()
  const packages: string[] = []
  const waiting = entryPoints.map((path) => withoutEnding(join(path)))
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    if (seen.has(module)) continue
    seen.add(module)
    const text = readFileSync(join(folder, `${module}.d.ts`), 'utf8')
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (fileName.startsWith('.')) waiting.push(withoutEnding(join(dirname(module), fileName)))
      else packages.push(fileName)
    }
  }
  return { modules: seen, packages: packageNames(packages) }
}

/** The path of a module without `.js`, `.ts` or `.d.ts`. */
export function withoutEnding(path: string): string {
  return path.replace(/(\.d)?\.[jt]s$/, '')
}

/** The packages that modules are imported from, those of Node and of the package itself aside. */
export function packageNames(specifiers: readonly string[]): ReadonlySet<string> {
  const foreign = specifiers.filter((name) => !isBuiltin(name) && !name.startsWith('.'))
  const names = foreign.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
  return new Set(names)
}
