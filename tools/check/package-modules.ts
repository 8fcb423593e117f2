import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageNames, reachOfModules, reachOfTypes, withoutEnding } from '../package/reach.ts'

/** What of package.json states how the package is entered, and what is installed with it or beside it. */
interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
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
  const { dependencies, optionalDependencies, peerDependencies } = manifest
  const installed = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
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

/** What CommonJS packages inside the bundle require of others; the bundler leaves such calls as they are. */
function requiredPackages(folder: string, bundled: readonly string[]): ReadonlySet<string> {
  const names = bundled.flatMap((path) => {
    const calls = readFileSync(join(folder, path), 'utf8').matchAll(/\b_*require\("([^"]+)"\)/g)
    return [...calls].map(([, name = '']) => name)
  })
  return packageNames(names)
}
