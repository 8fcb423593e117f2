// `npm run build`: the published package into dist/. The library is compiled file by file, the command
// line is bundled, so that it starts fast and needs none of the packages it was made from.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundleCli } from './build/bundle-cli.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ENTRY = 'cli/bin.ts'
/** What verifying a file with a key file loads. */
const CORE = ['cli/commands/verify.ts', 'src/providers/file/provider.ts']
/** Started by its place beside the module that starts it. */
const THREADS = { thread: 'src/store/sqlite/thread.ts' }

process.chdir(ROOT)
rmSync('dist', { recursive: true, force: true })
compileLibrary()
if (!existsSync(ENTRY)) throw new Error(`nothing to bundle: ${ENTRY} does not exist`)
await bundleCli({
  root: ROOT,
  entry: ENTRY,
  outdir: 'dist/cli',
  external: readDependencies(),
  core: CORE,
  threads: THREADS,
})

/** What is installed with the package is not bundled too. */
function readDependencies(): string[] {
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  ) as Readonly<Record<string, object>>
  return Object.keys({ ...dependencies, ...optionalDependencies })
}

function compileLibrary(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  if (run.status !== 0) throw new Error('the library does not compile')
}
