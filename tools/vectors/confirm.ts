/** Other implementations that judge every vector; what they are is written into the files. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An input as another implementation gets it: a case with the members of its group. */
export type Task = Readonly<Record<string, unknown>> & { readonly kind: string }

/** The verdict of one implementation; null where it does not know the kind of input. */
type Answer = boolean | null

/** One implementation. */
export interface Confirmer {
  readonly name: string
  readonly version: string
  readonly judge: (tasks: readonly Task[]) => readonly Answer[]
}

const HERE = join(import.meta.dirname, 'confirm')
const MAX_OUTPUT_BYTES = 64 << 20

/**
 * Opens every implementation.
 *
 * @throws Error — one of them is not on this machine: vectors are never written unconfirmed
 */
export function openConfirmers(): {
  readonly all: readonly Confirmer[]
  readonly close: () => void
} {
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'))
  const go = join(folder, 'confirm')
  execFileSync('go', ['build', '-o', go, '.'], { cwd: join(HERE, 'go'), stdio: 'inherit' })
  return {
    all: [program('pyca', 'python3', [join(HERE, 'main.py')]), program('go', go, [])],
    close: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

function program(name: string, command: string, args: readonly string[]): Confirmer {
  return {
    name,
    version: execFileSync(command, [...args, 'version'], { encoding: 'utf8' }).trim(),
    judge: (tasks) => {
      const input = JSON.stringify(tasks)
      const options = { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES } as const
      return JSON.parse(execFileSync(command, args, options)) as readonly Answer[]
    },
  }
}
