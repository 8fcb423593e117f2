/**
 * The packages as their users get them: packed, and installed from tarballs into an empty folder with what they
 * need at run time alone.
 *
 * @packageDocumentation
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LIGHT_PACKAGES } from '../build/light-packages.ts'
import { withHeaders } from '../test/native-addon.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** A package, packed. */
export interface PackedPackage {
  /** As it is imported: `@countersign/verify`. */
  readonly name: string
  readonly tarball: string
}

/** Packages, installed. */
export interface Installation {
  /** The folder that they were installed into; programs in it import them. */
  readonly folder: string
  /** Root of the installed `countersign`. */
  readonly packageFolder: string
  /** The file that Node runs as `countersign`. */
  readonly cli: string
}

/**
 * Builds the project and packs everything that would be published: `countersign` first, then the light packages.
 *
 * @param into - an existing, empty folder
 * @throws Error — with everything that npm printed
 */
export function packProject(into: string): [PackedPackage, ...PackedPackage[]] {
  return [packFolder('.', into), ...LIGHT_PACKAGES.map((folder) => packFolder(folder, into))]
}

function packFolder(folder: string, into: string): PackedPackage {
  const from = join(ROOT, folder)
  const flags = ['--silent', '--pack-destination', into]
  const printed = runProgram('npm', ['pack', ...flags], from)
  const { name } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as PackedPackage
  return { name, tarball: join(into, printed.trim().split('\n').at(-1) ?? '') }
}

/**
 * Installs packages together, without anything that only their development needs.
 *
 * @param specifiers - tarballs, and packages of the registry
 * @param folder - does not exist yet
 * @throws Error — with everything that npm printed
 */
export function installPackages(specifiers: readonly string[], folder: string): Installation {
  mkdirSync(folder)
  const flags = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  // Without --prefix npm takes a folder above that has a package.json.
  runProgram('npm', ['install', '--prefix', folder, ...flags, ...specifiers], folder)
  const packageFolder = join(folder, 'node_modules/countersign')
  return { folder, packageFolder, cli: join(packageFolder, 'dist/cli/main.js') }
}

/**
 * Lists the files of a folder, by path below it.
 */
export function listFiles(folder: string): string[] {
  return globSync('**', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
}

/**
 * Runs a program to its end and returns what it printed on stdout.
 *
 * @throws Error — it failed; with everything that it printed
 */
export function runProgram(command: string, args: readonly string[], cwd: string): string {
  const env = withHeaders(process.env)
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error([`${command} ${args.join(' ')} fails`, stdout, stderr, error?.message].join('\n'))
}
