// `npm run build`: the published packages into dist/ and packages/*/dist/. The library is compiled file by file,
// the command line is bundled, so that it starts fast and needs none of the packages it was made from.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundleCli } from './build/bundle-cli.ts'
import { bundleInPlace } from './build/bundle-in-place.ts'
import { removeUnreached } from './build/remove-unreached.ts'
import { fillLightPackages } from './build/light-packages.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ENTRY = 'cli/bin.ts'
/** Entry points of the library, as tsconfig.build.json compiles them. */
const LIBRARY = ['index', 'verify', 'errors', 'jose', 'testing'].map((name) => `dist/${name}.js`)
/** What verifying a file with a key file loads. */
const CORE = ['cli/commands/verify.ts', 'src/providers/file/provider.ts']
/** Started by their places beside the modules that start them. */
const STARTED = {
  thread: 'src/store/sqlite/thread.ts',
  'module-process': 'src/providers/pkcs11/native/module-process.ts',
}

process.chdir(ROOT)
rmSync('dist', { recursive: true, force: true })
compileLibrary()
await removeUnreached(ROOT, LIBRARY)
await bundleInPlace({
  root: ROOT,
  folder: 'dist',
  entryPoints: LIBRARY,
  installed: readInstalled(),
})
await fillLightPackages(ROOT)
if (!existsSync(ENTRY)) throw new Error(`nothing to bundle: ${ENTRY} does not exist`)
await bundleCli({
  root: ROOT,
  entry: ENTRY,
  outdir: 'dist/cli',
  external: readInstalled(),
  core: CORE,
  started: STARTED,
})

/** What is installed with the package, or beside it, is not bundled too. */
function readInstalled(): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  ) as Readonly<Record<string, object>>
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
}

function compileLibrary(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  if (run.status !== 0) throw new Error('the library does not compile')
}
