/**
 * The package as its users get it: packed, and installed from the tarball into an empty folder with what it
 * needs at run time alone.
 *
 * @packageDocumentation
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { withHeaders } from '../test/native-addon.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** The package, installed. */
export interface Installation {
  /** The folder that it was installed into; programs in it import `countersign`. */
  readonly folder: string
  /** Root of the installed package. */
  readonly packageFolder: string
  /** The file that Node runs as `countersign`. */
  readonly cli: string
}

/**
 * Builds the project and packs what would be published.
 *
 * @param into - an existing folder
 * @returns path of the tarball
 * @throws Error — with all that npm printed
 */
export function packProject(into: string): string {
  runProgram('npm', ['pack', '--silent', '--pack-destination', into], ROOT)
  const [tarball = ''] = globSync('*.tgz', { cwd: into })
  return join(into, tarball)
}

/**
 * Installs the package without anything that only its development needs.
 *
 * @param folder - does not exist yet
 * @throws Error — with all that npm printed
 */
export function installPackage(tarball: string, folder: string): Installation {
  mkdirSync(folder)
  const flags = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  // Without --prefix npm takes a folder above that has a package.json.
  runProgram('npm', ['install', '--prefix', folder, ...flags, tarball], folder)
  const packageFolder = join(folder, 'node_modules/countersign')
  return { folder, packageFolder, cli: join(packageFolder, 'dist/cli/main.js') }
}

/**
 * Runs a program to its end and returns what it printed on stdout.
 *
 * @throws Error — it failed; with all that it printed
 */
export function runProgram(command: string, args: readonly string[], cwd: string): string {
  const env = withHeaders(process.env)
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error([`${command} ${args.join(' ')} fails`, stdout, stderr, error?.message].join('\n'))
}
