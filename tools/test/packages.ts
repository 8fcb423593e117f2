import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A Debian package, and the command it brings by which its presence is known. */
export interface DebianPackage {
  readonly name: string
  readonly command: string
  /** Where commands lie that are not on any search path: in `bin` of a folder for each version. */
  readonly versions?: string
  /** Where a command lies that is on root's search path alone. */
  readonly folder?: string
}

/** The programs that tests start by themselves. */
export const TEST_PROGRAMS: readonly DebianPackage[] = [
  { name: 'softhsm2', command: 'softhsm2-util' },
  { name: 'docker-registry', command: 'docker-registry' },
  { name: 'openssl', command: 'openssl' },
  { name: 'postgresql', command: 'initdb', versions: '/usr/lib/postgresql' },
  { name: 'pgbouncer', command: 'pgbouncer', folder: '/usr/sbin' },
  { name: 'nginx-light', command: 'nginx', folder: '/usr/sbin' },
]

/** What scrapes a service, and tests its rules. */
export const PROMETHEUS: DebianPackage = { name: 'prometheus', command: 'promtool' }

/** What it takes to build a native addon, and the module with faults that tests put before SoftHSM. */
export const COMPILER: readonly DebianPackage[] = [
  { name: 'g++', command: 'g++' },
  { name: 'make', command: 'make' },
  { name: 'python3', command: 'python3' },
]

/** What this process may do about a package that is missing. */
export interface Powers {
  readonly aptGet: boolean
  readonly root: boolean
  /** Whether sudo works without asking for a password. */
  readonly sudo: boolean
}

/** Returns the packages whose command is nowhere on a search path. */
export function missingPackages(
  packages: readonly DebianPackage[],
  searchPath: string,
): DebianPackage[] {
  return packages.filter(({ command, versions, folder }) => {
    const hidden = versions === undefined ? [] : versionFolders(versions)
    if (folder !== undefined) hidden.push(folder)
    return !isOnPath(command, [searchPath, ...hidden].join(delimiter))
  })
}

/** The `bin` folders of a program that is installed in several versions, newest first. */
export function versionFolders(root: string): string[] {
  const names = existsSync(root) ? readdirSync(root) : []
  const versions = names.filter((name) => /^\d+$/.test(name))
  return versions.sort((a, b) => Number(b) - Number(a)).map((name) => join(root, name, 'bin'))
}

/** Returns the command line that runs apt-get with `args` unattended, or undefined where it may not be run. */
export function aptGetCommand(args: readonly string[], powers: Powers): string[] | undefined {
  if (!powers.aptGet || !(powers.root || powers.sudo)) return undefined
  const prefix = powers.root ? [] : ['sudo', '-n']
  return [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args]
}

/** Says which packages are missing and how a person installs them. */
export function installAdvice(missing: readonly DebianPackage[], powers: Powers): string {
  const names = missing.map(({ name }) => name).join(' ')
  const commands = missing.map(({ command }) => command).join(', ')
  return powers.aptGet
    ? `the tests need packages that may not be installed from here: ${names}\ninstall them with: sudo apt-get install ${names}`
    : `the tests need commands that are not on PATH: ${commands}\ninstall what brings them; on Debian: apt-get install ${names}`
}

/** Makes sure that every package is there, installing what is missing; returns advice where that fails. */
export function ensurePackages(
  packages: readonly DebianPackage[],
  searchPath: string,
): string | undefined {
  const missing = missingPackages(packages, searchPath)
  if (missing.length === 0) return undefined
  const powers = readPowers(searchPath)
  const names = missing.map(({ name }) => name)
  const install = aptGetCommand(['install', '-y', '--no-install-recommends', ...names], powers)
  const update = aptGetCommand(['update'], powers)
  if (install === undefined || update === undefined) return installAdvice(missing, powers)

  console.log(`installing Debian packages: ${names.join(' ')}`)
  // The package lists of a fresh machine are often absent or old: only then is an update worth its time.
  if (!succeeds(install) && succeeds(update)) succeeds(install)
  const still = missingPackages(missing, searchPath)
  return still.length === 0 ? undefined : installAdvice(still, powers)
}

function readPowers(searchPath: string): Powers {
  const root = process.getuid?.() === 0
  return {
    aptGet: isOnPath('apt-get', searchPath),
    root,
    sudo:
      !root &&
      isOnPath('sudo', searchPath) &&
      spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0,
  }
}

function succeeds([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
}

function isOnPath(command: string, searchPath: string): boolean {
  return searchPath.split(delimiter).some((folder) => isExecutable(join(folder, command)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
