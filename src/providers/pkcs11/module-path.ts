/**
 * Finds the shared library that drives a token.
 *
 * @packageDocumentation
 */
import { access } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { CountersignError } from '../../errors.ts'
import type { Pkcs11Uri } from './uri.ts'

const TRIPLETS: Readonly<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
}

const triplet = TRIPLETS[process.arch] ?? ''

/** Where `module-name` is looked up, in this order. */
const MODULE_FOLDERS: readonly string[] = [
  '/usr/lib/softhsm',
  `/usr/lib/${triplet}/softhsm`,
  `/usr/lib/${triplet}/pkcs11`,
  `/usr/lib/${triplet}`,
  '/usr/lib64/softhsm',
  '/usr/lib64/pkcs11',
  '/usr/lib64',
  '/usr/lib/pkcs11',
  '/usr/lib',
  '/usr/local/lib/softhsm',
  '/usr/local/lib/pkcs11',
  '/usr/local/lib',
  '/opt/homebrew/lib/softhsm',
  '/opt/homebrew/lib/pkcs11',
  '/opt/homebrew/lib',
]

/** What is known about modules beside the URI. */
export interface ModuleSearch {
  /** Absolute path of the module of URIs that name none. */
  readonly defaultModulePath?: string | undefined
  /** Default: MODULE_FOLDERS. */
  readonly moduleFolders?: readonly string[] | undefined
}

/**
 * Finds the module of a URI: its `module-path`, else its `module-name` (`softhsm2` finds
 * `libsofthsm2.so`, `opensc-pkcs11` finds `opensc-pkcs11.so`), else the default. Loading a module runs
 * its code, so the URI decides what runs here.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — relative path, a name with a slash, or no
 * module at all; ERR_MODULE_UNAVAILABLE — no such file
 */
export async function findModulePath(uri: Pkcs11Uri, search: ModuleSearch = {}): Promise<string> {
  const path =
    uri.modulePath ?? (uri.moduleName === undefined ? search.defaultModulePath : undefined)
  if (path !== undefined) return assertModule(path)
  if (uri.moduleName !== undefined) {
    return findByName(uri.moduleName, search.moduleFolders ?? MODULE_FOLDERS)
  }
  throw new CountersignError('ERR_KEY_URI_INVALID', 'no PKCS#11 module is named', {
    details: { provider: 'pkcs11', cause: 'module-unnamed' },
    hint: 'add ?module-path=/path/to/module.so to the key reference, or set COUNTERSIGN_PKCS11_MODULE',
  })
}

async function assertModule(path: string): Promise<string> {
  if (!isAbsolute(path)) {
    const message = `the PKCS#11 module path "${path}" is not absolute`
    throw new CountersignError('ERR_KEY_URI_INVALID', message, {
      hint: 'write the whole path, or the bare name with module-name',
    })
  }
  if (await exists(path)) return path
  throw new CountersignError('ERR_MODULE_UNAVAILABLE', `no PKCS#11 module "${path}"`, {
    details: { provider: 'pkcs11', cause: 'module-missing' },
  })
}

async function findByName(name: string, folders: readonly string[]): Promise<string> {
  // The name must not lead out of the folders.
  if (!/^[\w.+-]+$/.test(name) || name.startsWith('.')) {
    throw new CountersignError('ERR_KEY_URI_INVALID', `not a PKCS#11 module name: "${name}"`, {
      hint: 'a name has no folder in it; write a path with module-path',
    })
  }
  const suffix = process.platform === 'darwin' ? '.dylib' : '.so'
  for (const folder of folders) {
    for (const file of [`lib${name}${suffix}`, `${name}${suffix}`]) {
      const path = join(folder, file)
      if (await exists(path)) return path
    }
  }
  throw new CountersignError('ERR_MODULE_UNAVAILABLE', `no PKCS#11 module named "${name}"`, {
    details: { provider: 'pkcs11', cause: 'module-missing' },
    hint: `looked in ${folders.join(', ')}`,
  })
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
