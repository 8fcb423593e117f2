import { setTimeout as pause } from 'node:timers/promises'
import type { Servers } from './servers.ts'

/** The channel that replicas notify each other on. */
export const CHANNEL = 'countersign_keys'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/**
 * Listens on a connection of its own until the signal is aborted. A lost connection is reopened
 * after growing pauses; each time it stands, the listener is called once, for what it may have missed.
 */
export async function listenForAnnouncements(
  servers: Servers,
  listener: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs *= 2) {
    await listenOnce(servers, signal, () => {
      pauseMs = FIRST_PAUSE_MS
      listener()
    }).catch(() => undefined)
    await pauseUntil(signal, Math.min(pauseMs, LONGEST_PAUSE_MS))
  }
}

/** Ends when the connection does, or the signal is aborted. */
async function listenOnce(servers: Servers, signal: AbortSignal, heard: () => void): Promise<void> {
  const client = await servers.connect()
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<undefined>()
  const finish = (): void => {
    end(undefined)
  }
  // It may fail before it is waited for.
  ended.catch(() => undefined)
  // What the listener throws ends this connection, not the process.
  const hear = (): void => {
    try {
      heard()
    } catch (error) {
      fail(error)
    }
  }
  client.on('error', finish)
  client.on('end', finish)
  client.on('notification', hear)
  signal.addEventListener('abort', finish, { once: true })
  // An abort while it connected is not signalled again.
  if (signal.aborted) finish()
  try {
    await client.query(`listen ${CHANNEL}`)
    heard()
    await ended
  } finally {
    signal.removeEventListener('abort', finish)
    await client.end()
  }
}

/** Calls the listener whenever a number changes that is read at a steady pace, until the signal is aborted. */
export async function pollForChange(
  read: () => Promise<number>,
  listener: () => void,
  { everyMs, signal }: { readonly everyMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let known: number | undefined
  while (!signal.aborted) {
    // While the database is away nothing is known to have changed; the next answer will show it.
    const current = await read().catch(() => known)
    try {
      if (known !== undefined && current !== known) listener()
      known = current
    } catch {
      // It is announced again at the next reading.
    }
    await pauseUntil(signal, everyMs)
  }
}

async function pauseUntil(signal: AbortSignal, ms: number): Promise<void> {
  // An abort ends the pause early; both loops look at the signal next.
  await pause(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
