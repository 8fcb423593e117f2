import type { CommandEnvironment } from '../command.ts'

const EVERY_MS = 100
/** How often a line is written where there is no terminal to overwrite one. */
const LINE_EVERY_MS = 30_000

/**
 * Shows how many entries of a log are done, how fast, and how long the rest takes at that pace: on a terminal as often
 * as a person can read it, elsewhere a line twice a minute.
 */
export function createCounter(
  label: string,
  { context, terminal }: CommandEnvironment,
): (done: number, total: number) => void {
  const start = context.now().getTime()
  let next = start + EVERY_MS
  let nextLine = start + LINE_EVERY_MS
  const isTerminal = context.stderr.isTTY === true
  return (done, total) => {
    const now = context.now().getTime()
    if (now < next) return
    next = now + EVERY_MS
    const text = `${label}: ${describe({ done, total, ms: now - start })}`
    terminal.progress(text)
    if (isTerminal || now < nextLine) return
    nextLine = now + LINE_EVERY_MS
    terminal.say(text)
  }
}

interface Pace {
  readonly done: number
  readonly total: number
  readonly ms: number
}

function describe({ done, total, ms }: Pace): string {
  const count = `${done} of ${total} entries`
  if (done === 0 || ms <= 0) return count
  const perSecond = (done * 1000) / ms
  return `${count}, ${Math.round(perSecond)}/s, ${describeTime((total - done) / perSecond)} left`
}

/** `3 h 20 min`, `4 min`, `12 s` */
function describeTime(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`
}
