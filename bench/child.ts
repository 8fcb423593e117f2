import { spawnSync } from 'node:child_process'

/** A program that ran to its end. */
export interface Run {
  readonly wallMs: number
  /** Peak resident memory in MiB; only for node programs that were asked for it. */
  readonly peakMiB: number
}

/**
 * Tells its peak in KiB on a pipe of its own when the program around it ends. Linux counts into maxRSS
 * what the parent had at the time of the fork; VmHWM is of this program alone.
 */
const TELL_PEAK = `
import { existsSync, readFileSync, writeSync } from 'node:fs'
const status = '/proc/self/status'
const peak = () => existsSync(status)
  ? /VmHWM:\\s*(\\d+)/.exec(readFileSync(status, 'utf8'))[1]
  : process.resourceUsage().maxRSS
process.on('exit', () => writeSync(3, String(peak())))`

/**
 * Runs a program and measures it from outside.
 *
 * @throws Error — it failed; what it said is in the message
 */
export function runChild(command: string, args: readonly string[]): Run {
  const start = performance.now()
  const { status, stderr, output } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const wallMs = performance.now() - start
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`)
  return { wallMs, peakMiB: Number(output[3] ?? '') / 1024 }
}

/** Arguments that make node tell its peak memory to {@link runChild}. */
export const PEAK_ARGUMENTS: readonly string[] = [
  '--import',
  `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`,
]
