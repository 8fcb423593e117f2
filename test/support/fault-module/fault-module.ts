/**
 * A PKCS#11 module with faults (fault-module.c), built with the machine's compiler and put before SoftHSM.
 *
 * @packageDocumentation
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'
import { PROJECT } from '../project.ts'
import type { SoftHsm, SoftToken } from '../softhsm.ts'

const SOURCE = join(import.meta.dirname, 'fault-module.c')

/** What a call does instead of its work. */
export type Fault = 'hang' | 'crash' | `delay ${number}` | `return ${number}`

/** A module before another. */
export interface FaultModule {
  readonly path: string
  /** What the processes that load it need in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** A reference to a key on a token of the module behind it. */
  readonly uriFor: (token: SoftToken, object: string) => Pkcs11Uri
  /** Puts a call at fault, for as many calls; default: all. */
  readonly set: (call: string, fault: Fault, count?: number) => void
  /** How many calls are still to be at fault; those that hang count as soon as they do. */
  readonly left: (call: string) => number
  /** Puts calls right again. */
  readonly clear: (...calls: readonly string[]) => void
  /** Calls that have returned since {@link FaultModule.watch}: process, name, returned value. */
  readonly calls: () => readonly (readonly [pid: number, name: string, value: number])[]
  /** Begins to write calls down. */
  readonly watch: () => void
  readonly remove: () => void
}

/**
 * Builds the module, once per source, and puts it before that of a SoftHSM.
 *
 * @throws Error — there is no compiler, or it fails; with all that it printed
 */
export function createFaultModule(hsm: SoftHsm): FaultModule {
  const path = build()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-faults-'))
  const log = join(folder, 'calls')
  return {
    path,
    env: {
      SOFTHSM2_CONF: hsm.configPath,
      FAULT_MODULE_REAL: hsm.modulePath,
      FAULT_MODULE_FOLDER: folder,
    },
    uriFor: (token, object) => ({ ...token.uriFor(object), modulePath: path }),
    set: (call, fault, count = -1) => {
      // In one step: a process may be reading it.
      writeFileSync(join(folder, 'next'), `${count} ${fault}\n`)
      renameSync(join(folder, 'next'), join(folder, call))
    },
    left: (call) => Number(readFileSync(join(folder, call), 'utf8').split(' ')[0]),
    clear: (...calls) => {
      for (const call of calls) rmSync(join(folder, call), { force: true })
    },
    watch: () => {
      writeFileSync(log, '')
    },
    calls: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [pid = '', name = '', value = ''] = line.split(' ')
          return [Number(pid), name, Number(value)] as const
        }),
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Builds it where the next test finds it. */
function build(): string {
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 16)
  const folder = join(PROJECT, 'node_modules/.cache/countersign')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `fault-module-${digest}-${process.arch}.so`)
  if (existsSync(path)) return path
  const unfinished = `${path}.${process.pid}`
  const flags = ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-x', 'c', SOURCE]
  const { status, stderr, error } = spawnSync('g++', [...flags, '-o', unfinished, '-ldl'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the fault module does not build: ${stderr || error?.message}`)
  renameSync(unfinished, path)
  return path
}
