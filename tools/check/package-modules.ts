import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import ts from 'typescript'

/** What of package.json says how the package is entered and what is installed with it. */
interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Modules of a package, by path without its ending, and the packages they load or take types from. */
interface Reach {
  readonly modules: ReadonlySet<string>
  readonly packages: ReadonlySet<string>
}

/** The bundle of the command line: whatever the bundler wrote there is reached. */
const BUNDLE = 'dist/cli/**/*.js'

/** What packages in the bundle use where it happens to be installed, and do without elsewhere. */
const OPTIONAL: readonly string[] = ['@aws-sdk/signature-v4-crt', 'kerberos']

/**
 * Finds what a package ships without need, installs without need, or loads without installing it.
 *
 * @param folder - the package, as it was packed
 * @returns a sentence for each mistake
 */
export async function findPackageMistakes(folder: string): Promise<readonly string[]> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const exported = Object.values(manifest.exports).filter((path) => path.endsWith('.js'))
  const bundled = globSync(BUNDLE, { cwd: folder })
  const reaches = [
    await reachOfModules(folder, [...exported, ...bundled]),
    reachOfTypes(folder, exported),
    { modules: new Set<string>(), packages: requiredPackages(folder, bundled) },
  ]
  const modules = new Set(reaches.flatMap((reach) => [...reach.modules]))
  const loaded = new Set(reaches.flatMap((reach) => [...reach.packages]))
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const shipped = globSync('dist/**/*.{js,d.ts}', { cwd: folder })
  return [
    ...shipped
      .filter((path) => !modules.has(withoutEnding(path)))
      .map((path) => `${path} is shipped, and no export reaches it`),
    ...[...loaded]
      .filter((name) => !installed.includes(name) && !OPTIONAL.includes(name))
      .map((name) => `"${name}" is loaded, and not a dependency`),
    ...installed
      .filter((name) => !loaded.has(name))
      .map((name) => `"${name}" is a dependency, and not loaded`),
  ].toSorted()
}

async function reachOfModules(folder: string, entryPoints: readonly string[]): Promise<Reach> {
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

/** Type declarations import each other by the names of the modules they describe, or of their sources. */
function reachOfTypes(folder: string, modules: readonly string[]): Reach {
  const seen = new Set<string>()
  const packages: string[] = []
  const waiting = modules.map((path) => withoutEnding(join(path)))
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

function withoutEnding(path: string): string {
  return path.replace(/(\.d)?\.[jt]s$/, '')
}

/** What CommonJS packages inside the bundle require of others; the bundler leaves such calls as they are. */
function requiredPackages(folder: string, bundled: readonly string[]): ReadonlySet<string> {
  const names = bundled.flatMap((path) => {
    const calls = readFileSync(join(folder, path), 'utf8').matchAll(/\b_*require\("([^"]+)"\)/g)
    return [...calls].map(([, name = '']) => name)
  })
  return packageNames(names)
}

function packageNames(specifiers: readonly string[]): ReadonlySet<string> {
  const foreign = specifiers.filter((name) => !isBuiltin(name) && !name.startsWith('.'))
  const names = foreign.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
  return new Set(names)
}
