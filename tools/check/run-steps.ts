import { spawn } from 'node:child_process'
import { delimiter, resolve } from 'node:path'

/** One gate: a command line that exits 0 when it is held. */
export interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** How one gate ended. */
export interface StepResult {
  readonly name: string
  readonly passed: boolean
  /** The exit status; null where a signal ended the command, or nothing started it. */
  readonly status: number | null
  readonly seconds: number
  /** Everything the command printed. */
  readonly output: string
}

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Runs steps in order, at most `parallel` at a time, and reports each as it ends. Commands come from
 * the project's own packages first; a failure stops none of the others.
 */
export async function runSteps(
  steps: readonly Step[],
  parallel: number,
  onEnd: (result: StepResult) => void,
): Promise<StepResult[]> {
  const waiting = steps.values()
  const results: StepResult[] = []
  const work = async (): Promise<void> => {
    for (const step of waiting) {
      const result = await runStep(step)
      results.push(result)
      onEnd(result)
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return results
}

function runStep({ name, command: [program, ...args], env }: Step): Promise<StepResult> {
  const started = performance.now()
  const searchPath = [resolve(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, PATH: searchPath, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const end = (status: number | null): void => {
      const seconds = (performance.now() - started) / 1000
      resolve({ name, passed: status === 0, status, seconds, output })
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', (error) => {
      output += error.message
      end(null)
    })
    child.on('close', end)
  })
}
