import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTempFolder } from '../../support/temp-folder.ts'
import { LOAD_KEYS } from './load.ts'
import { CrashScene } from './scene.ts'

/** How a request ended: with a status, or with an errno. */
interface Outcome {
  readonly status: number | string
  readonly connection: string | undefined
  readonly body: string
}

/**
 * Sends a request over a connection of its own, which is not closed for being idle; `onReceived` is called
 * once the service has seen its headers.
 */
function post(
  { url, authorization }: { readonly url: string; readonly authorization: string },
  body: object,
  onReceived: () => void = () => undefined,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { authorization, 'content-type': 'application/json', expect: '100-continue' }
    const sent = request(url, { method: 'POST', agent: false, headers }, (response) => {
      const { statusCode: status = 0, headers } = response
      text(response).then(
        (body) => {
          resolve({ status, connection: headers.connection, body })
        },
        () => {
          resolve({ status: 'cut off', connection: undefined, body: '' })
        },
      )
    })
    sent.on('error', (error) => {
      const status = 'code' in error ? String(error.code) : error.message
      resolve({ status, connection: undefined, body: '' })
    })
    sent.once('continue', () => {
      onReceived()
      sent.end(JSON.stringify(body))
    })
    sent.flushHeaders()
  })
}

/** A request that takes a while. */
const BATCH = {
  artifacts: Array.from({ length: 50 }, (_, place) => ({
    digest: `sha256:${place.toString(16).padStart(64, '0')}`,
    kind: 'image',
  })),
}

const RUNNING = 6

test(
  'SIGTERM lets what runs finish, refuses what is new, and ends with status 0',
  { timeout: 180_000 },
  async () => {
    await using scene = new CrashScene({ folder: createTempFolder(), seed: 1 })
    const replica = await scene.start()
    const url = `${replica.url}/v1/keys/${LOAD_KEYS.artifacts}/signatures`
    const target = { url, authorization: scene.authorization }
    const send = (): Promise<Outcome> => post(target, BATCH)

    const received = Array.from({ length: RUNNING }, () => Promise.withResolvers<undefined>())
    const running = received.map(({ resolve }) =>
      post(target, BATCH, () => {
        resolve(undefined)
      }),
    )
    await Promise.all(received.map(({ promise }) => promise))
    const over = new AbortController()
    const ended = replica.kill('SIGTERM').finally(() => {
      over.abort()
    })
    const late: Outcome[] = []
    while (!over.signal.aborted) {
      late.push(await send())
      await pause(5)
    }

    const finished = await Promise.all(running)
    expect(finished.map(({ status }) => status)).toEqual(Array.from({ length: RUNNING }, () => 200))
    for (const { body } of finished) {
      const { results } = JSON.parse(body) as { results: readonly { logIndex?: number }[] }
      expect(results.filter(({ logIndex }) => logIndex !== undefined)).toHaveLength(50)
    }
    expect(await ended).toEqual({ code: 0, signal: null })
    const accepted = late.filter(({ status }) => typeof status === 'number')
    // The signal may come a moment after the first of them.
    for (const { status, connection } of accepted.slice(1)) {
      expect([status, connection]).toEqual([503, 'close'])
    }
    const others = new Set(
      late.map(({ status }) => status).filter((one) => typeof one === 'string'),
    )
    expect([...others].every((errno) => ['ECONNREFUSED', 'ECONNRESET'].includes(errno))).toBe(true)
  },
)
