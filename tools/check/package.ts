// The package step of `npm run check`: packs what would be published, and uses it as its users will.
import {
  symlinkSync,
  mkdirSync,
  mkdtempSync,
  globSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import {
  type Installation,
  installPackages,
  listFiles,
  packProject,
  type PackedPackage,
  runProgram,
} from '../package/installation.ts'
import { runVitest } from '../test/run-vitest.ts'
import { documentedFiles } from './documented-files.ts'
import { findDifferences } from './light-packages.ts'
import { findNewSyntax } from './old-syntax.ts'
import { findPackageMistakes } from './package-modules.ts'
import { findExcess, weigh } from './weight.ts'

/** What may be in a package. Anything else was not meant to be published. */
const PUBLISHED =
  /^(package\.json|LICENSE|(README|CHANGELOG|SECURITY)\.md|dist\/.*\.js|dist\/.*\.d\.ts|dist\/(cli\/)?THIRD-PARTY-NOTICES\.txt|docs\/countersign\.schema\.json)$/

const BIN = 'dist/cli/main.js'

/** Tests that use the package: the quickstart, README.md, the page about installing, the examples of the library, and those of cli/ that start it. */
const STARTERS = [
  'test/tools/quickstart.test.ts',
  'test/architecture/readme.test.ts',
  'test/tools/install-page.test.ts',
  'test/architecture/examples.test.ts',
]
const STARTS = /from '(?:\.\.\/)+support\/(command-line|service-process)\.ts'/

const ROOT = resolve(import.meta.dirname, '../..')
const scratch = mkdtempSync(join(tmpdir(), 'countersign-package-'))
try {
  await checkPackage()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true })
}

async function checkPackage(): Promise<void> {
  const tarballs = join(scratch, 'tarballs')
  mkdirSync(tarballs)
  const [whole, ...light] = packProject(tarballs)
  const folder = await unpack(whole)
  refuse(await findNewSyntax(join(folder, BIN)))
  // Without a single package beside it.
  checkVersion(folder, join(folder, BIN))
  checkTesting(folder)

  for (const part of light) {
    refuse(findDifferences(folder, await unpack(part)))
    // Peers that are not optional are installed with it.
    const alone = installPackages([part.tarball], join(scratch, `alone-${basename(part.name)}`))
    checkExports(alone, part.name)
    refuse(findExcess(part.name, weigh(alone.folder)))
  }
  const single = installPackages([whole.tarball], join(scratch, 'single'))
  refuse(findExcess(whole.name, weigh(single.folder)))

  const packed = [whole, ...light].map(({ tarball }) => tarball)
  // The examples sign with it.
  const { devDependencies } = readManifest(ROOT)
  const sigstore = `@sigstore/sign@${devDependencies['@sigstore/sign'] ?? ''}`
  const together = installPackages([...packed, sigstore], join(scratch, 'installed'))
  checkVersion(together.packageFolder, join(together.folder, 'node_modules/.bin/countersign'))
  for (const { name } of [whole, ...light]) checkExports(together, name)
  await runTests(together, whole.tarball)
}

/** Unpacks a package beside the others, once its contents are as they must be. */
async function unpack({ name, tarball }: PackedPackage): Promise<string> {
  runProgram('publint', [tarball, '--strict'], scratch)
  const flags = ['--profile', 'esm-only', '--no-definitely-typed', '--no-emoji']
  runProgram('attw', [tarball, ...flags], scratch)

  const place = join(scratch, `unpacked-${basename(name)}`)
  mkdirSync(place)
  runProgram('tar', ['-xzf', tarball], place)
  const folder = join(place, 'package')
  const unexpected = listFiles(folder).filter((path) => !PUBLISHED.test(path))
  const mistakes = unexpected.map((path) => `${path} is not to be published`)
  refuse([...mistakes, ...(await findPackageMistakes(folder))].map((one) => `${name}: ${one}`))
  return folder
}

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
}

function checkVersion(packageFolder: string, command: string): void {
  const { version } = readManifest(packageFolder)
  const printed = runProgram(command, ['--version'], scratch).trim()
  if (printed !== version) throw new Error(`${command} --version prints "${printed}"`)
}

function checkExports({ folder }: Installation, name: string): void {
  const { exports } = readManifest(join(folder, 'node_modules', name))
  for (const path of Object.keys(exports).filter((path) => !path.endsWith('.json'))) {
    const program = `import '${name + path.slice(1)}'`
    runProgram('node', ['--input-type=module', '-e', program], folder)
  }
}

/** What the authors of other actions test them with must do as its page shows, with no other package. */
function checkTesting(folder: string): void {
  const author = join(scratch, 'author')
  mkdirSync(join(author, 'node_modules/countersign'), { recursive: true })
  for (const part of ['package.json', 'dist']) {
    symlinkSync(join(folder, part), join(author, 'node_modules/countersign', part))
  }
  const page = readFileSync(join(ROOT, 'docs/testing-actions.md'), 'utf8')
  for (const { name, text } of documentedFiles(page)) writeFileSync(join(author, name), text)
  writeFileSync(join(author, 'package.json'), '{"type":"module"}')
  runProgram('node', ['--preserve-symlinks', '--test', 'action.test.js'], author)
}

/** Runs the tests that start a command line, with the installed one. */
async function runTests({ cli }: Installation, tarball: string): Promise<void> {
  const inCli = globSync('test/cli/**/*.test.ts', { cwd: ROOT }).filter((path) =>
    STARTS.test(readFileSync(join(ROOT, path), 'utf8')),
  )
  process.env['COUNTERSIGN_TEST_CLI'] = cli
  process.env['COUNTERSIGN_TEST_TARBALL'] = tarball
  const { passed, failed } = await runVitest([...STARTERS, ...inCli])
  if (failed > 0 || passed === 0) {
    throw new Error(
      `of the tests that start the installed command line, ${failed} fail, ${passed} pass`,
    )
  }
}

function readManifest(folder: string): {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
} {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<
    typeof readManifest
  >
}
