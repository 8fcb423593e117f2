// The package step of `npm run check`: packs what would be published and looks at it as its users will.
import { spawnSync } from 'node:child_process'
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { documentedFiles } from './documented-files.ts'

/** What may be in the package. Anything else was not meant to be published. */
const PUBLISHED =
  /^(package\.json|LICENSE|(README|CHANGELOG|SECURITY)\.md|dist\/.*\.js|dist\/.*\.d\.ts|dist\/cli\/THIRD-PARTY-NOTICES\.txt|docs\/countersign\.schema\.json)$/

const ROOT = resolve(import.meta.dirname, '../..')
const scratch = mkdtempSync(join(tmpdir(), 'countersign-package-'))
try {
  checkPackage()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true })
}

function checkPackage(): void {
  run('npm', ['pack', '--silent', '--pack-destination', scratch], ROOT)
  const [tarball = ''] = globSync('*.tgz', { cwd: scratch })
  run('publint', [tarball, '--strict'], scratch)
  run('attw', [tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-emoji'], scratch)

  run('tar', ['-xzf', tarball], scratch)
  const folder = join(scratch, 'package')
  const strangers = listFiles(folder).filter((path) => !PUBLISHED.test(path))
  if (strangers.length > 0) throw new Error(`not to be published: ${strangers.join(', ')}`)
  checkStart(folder)
}

/** The command line must start with nothing installed, and every exported module load where its packages are. */
function checkStart(folder: string): void {
  const { name, version, exports } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; exports: Record<string, string> }
  const printed = run(join(folder, 'dist/cli/main.js'), ['--version'], folder)
  if (!printed.includes(version)) throw new Error(`countersign --version prints "${printed}"`)

  const consumer = join(scratch, 'consumer')
  mkdirSync(join(consumer, 'node_modules'), { recursive: true })
  symlinkSync(folder, join(consumer, 'node_modules', name))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const door of Object.keys(exports).filter((door) => !door.endsWith('.json'))) {
    const specifier = name + door.slice(1)
    run('node', ['--input-type=module', '-e', `import '${specifier}'`], consumer)
  }
  checkTesting(folder)
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
  run('node', ['--preserve-symlinks', '--test', 'action.test.js'], author)
}

function listFiles(folder: string): string[] {
  const entries = globSync('**', { cwd: folder, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error([`${command} ${args.join(' ')} fails`, stdout, stderr, error?.message].join('\n'))
}
