/**
 * Loaded into a measured process by `--import`: notes how long something held its event loop. Every fifth of a second
 * it appends to the file that BENCH_LOOP_DELAYS names: the time, the longest delay of a timer since, and the most
 * processor time that the thread of the loop spent between two timers, in milliseconds. The delay counts what else
 * ran on the machine meanwhile; the processor time does not.
 *
 * @packageDocumentation
 */
import { appendFileSync } from 'node:fs'

const TICK_MS = 5
const NOTE_MS = 200

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const path = process.env['BENCH_LOOP_DELAYS']
if (path !== undefined) {
  let due = performance.now() + TICK_MS
  let spent = threadMs()
  let [late, held] = [0, 0]
  setInterval(() => {
    const [now, total] = [performance.now(), threadMs()]
    late = Math.max(late, now - due)
    held = Math.max(held, total - spent)
    due = now + TICK_MS
    spent = total
  }, TICK_MS).unref()
  setInterval(() => {
    appendFileSync(path, `${Date.now()} ${late.toFixed(1)} ${held.toFixed(1)}\n`)
    late = 0
    held = 0
  }, NOTE_MS).unref()
}
