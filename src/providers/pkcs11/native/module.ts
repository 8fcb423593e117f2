/**
 * Loaded PKCS#11 modules. Cryptoki is initialized once per process, whatever number of providers use
 * it, so this is the one place in countersign with state of the process.
 *
 * @packageDocumentation
 */
import { realpath } from 'node:fs/promises'
import { CountersignError } from '../../../errors.ts'
import { CKF_OS_LOCKING_OK, type Cryptoki } from './cryptoki.ts'
import { returnValueOf, toPkcs11Failure } from './errors.ts'
import { CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_CRYPTOKI_NOT_INITIALIZED } from './return-values.ts'

/** A module that is loaded and initialized. */
export interface Pkcs11Module {
  readonly path: string
  readonly cryptoki: Cryptoki
  /** Says that sessions are about to be opened; the answer is called when all of them are closed. */
  readonly enter: () => () => void
  /**
   * Finalizes and initializes the module, which some need to see a token that came back. Done only
   * where countersign initialized it and no sessions are open: it would close them.
   */
  readonly restart: () => void
  /** Ends this use of the module; after the last one it is finalized, if countersign initialized it. */
  readonly release: () => void
}

/** Loads the module at an absolute path. */
export type LoadModule = (path: string) => Promise<Pkcs11Module>

interface LoadedModule {
  readonly cryptoki: Cryptoki
  /** Whether C_Initialize was ours, and so C_Finalize is. */
  readonly isOurs: boolean
  uses: number
  /** How many links have sessions open. */
  links: number
}

/** By real path; changed only by loadModule and the releases it hands out. */
const modules = new Map<string, LoadedModule>()

/**
 * Loads a module through pkcs11js, or shares the one that is loaded.
 *
 * @throws {@link CountersignError} ERR_MODULE_UNAVAILABLE — pkcs11js is not installed, or the file is
 * no PKCS#11 module for this machine; ERR_PROVIDER_UNAVAILABLE — it does not initialize
 */
export async function loadModule(path: string): Promise<Pkcs11Module> {
  const { PKCS11 } = await importPkcs11js()
  const key = await realpath(path)
  // No await from here on: two callers must not load it twice.
  const module = modules.get(key) ?? load(path, () => new PKCS11(path))
  modules.set(key, module)
  module.uses += 1
  return {
    path,
    cryptoki: module.cryptoki,
    enter: () => {
      module.links += 1
      return once(() => {
        module.links -= 1
      })
    },
    restart: () => {
      if (!module.isOurs || module.links > 0) return
      finalize(module.cryptoki)
      initialize(module.cryptoki)
    },
    release: once(() => {
      module.uses -= 1
      if (module.uses > 0) return
      modules.delete(key)
      if (module.isOurs) finalize(module.cryptoki)
    }),
  }
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

interface Pkcs11js {
  readonly PKCS11: new (path: string) => Cryptoki
}

async function importPkcs11js(): Promise<Pkcs11js> {
  try {
    const imported: { default: Pkcs11js } = await import('pkcs11js')
    return imported.default
  } catch (cause) {
    throw isAbsent(cause)
      ? new CountersignError('ERR_MODULE_UNAVAILABLE', 'PKCS#11 support is not installed', {
          details: { provider: 'pkcs11', cause: 'addon-missing' },
          cause,
        })
      : new CountersignError('ERR_MODULE_UNAVAILABLE', 'PKCS#11 support is not built', {
          details: { provider: 'pkcs11', cause: 'addon-unbuilt' },
          cause,
        })
  }
}

/** Distinguishes a package that is not there, which nothing can rebuild, from an addon that is not built. */
function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
}

function load(path: string, open: () => Cryptoki): LoadedModule {
  try {
    const cryptoki = open()
    return { cryptoki, isOurs: initialize(cryptoki), uses: 0, links: 0 }
  } catch (cause) {
    if (returnValueOf(cause) !== undefined)
      throw toPkcs11Failure(cause, `initializing "${path}"`, 'initialize-failed')
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CountersignError('ERR_MODULE_UNAVAILABLE', `can't load "${path}": ${why}`, {
      details: { provider: 'pkcs11', cause: 'module-unloadable' },
      cause,
    })
  }
}

/** Initializes Cryptoki; tells whether it was this call that did. */
function initialize(cryptoki: Cryptoki): boolean {
  try {
    // Without locks in the module, signatures at once from several threads crash the process.
    cryptoki.C_Initialize({ flags: CKF_OS_LOCKING_OK })
    return true
  } catch (error) {
    if (returnValueOf(error) === CKR_CRYPTOKI_ALREADY_INITIALIZED) return false
    throw error
  }
}

/** Initializes Cryptoki again if other code in the process has finalized it. */
export function ensureInitialized(cryptoki: Cryptoki): void {
  try {
    cryptoki.C_GetInfo()
  } catch (error) {
    if (returnValueOf(error) !== CKR_CRYPTOKI_NOT_INITIALIZED) throw error
    initialize(cryptoki)
  }
}

function finalize(cryptoki: Cryptoki): void {
  try {
    cryptoki.C_Finalize()
  } catch (error) {
    // Other code may have done it; any other return value is of no use here.
    if (returnValueOf(error) === undefined) throw error
  }
}
