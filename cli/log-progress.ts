import type { CommandEnvironment } from './command.ts'

const EVERY_MS = 100

/** Shows on a terminal how many entries of a log are done, as often as a person can read it. */
export function createCounter(
  label: string,
  { context, terminal }: CommandEnvironment,
): (done: number, total: number) => void {
  let next = context.now().getTime() + EVERY_MS
  return (done, total) => {
    const now = context.now().getTime()
    if (now < next) return
    next = now + EVERY_MS
    terminal.progress(`${label}: ${done} of ${total} entries`)
  }
}
