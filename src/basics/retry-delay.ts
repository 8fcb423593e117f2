/** How long to wait before a request is repeated. */
import type { Runtime } from './runtime.ts'

const FIRST_MS = 500
const LONGEST_MS = 10_000
/** A registry that asks for more is asked again after this. */
const LONGEST_ASKED_MS = 30_000
/** All the waits of one request together: a server that asks for more is not asked again. */
export const LONGEST_WORTH_MS = 120_000

/**
 * Milliseconds before the next try: what the server asked for with `Retry-After` (RFC 9110 section
 * 10.2.3), and on top a random time that doubles with every try ("full jitter"), so that clients refused
 * together do not come back together.
 *
 * @param longestAskedMs - the most that is waited because the server asked; default 30 s
 */
export function retryDelay(
  tries: number,
  retryAfter: string | null | undefined,
  { now, random }: Pick<Runtime, 'now' | 'random'>,
  longestAskedMs: number = LONGEST_ASKED_MS,
): number {
  const jitter = random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1))
  return Math.min(longestAskedMs, askedDelay(retryAfter, now())) + jitter
}

/** Whether a server asks for a longer wait than a command should sit through. */
export function isLongWait(retryAfter: string | null | undefined, now: number): boolean {
  return askedDelay(retryAfter, now) > LONGEST_WORTH_MS
}

/** Milliseconds a server asks to wait; none where it does not say. */
function askedDelay(retryAfter: string | null | undefined, now: number): number {
  const text = retryAfter ?? ''
  const asked = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(asked) ? Math.max(0, asked) : 0
}
