/** Fastify with nothing of ours, in a process of its own. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BareRoute } from './bare-server.ts'
import type { Load } from './load.ts'
import { headersOf, readRequests } from './request-lines.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

const PROGRAM = resolve(import.meta.dirname, 'bare-server.ts')

/** Headers that belong to a connection or a message, not to the answer. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
])

/** Starts it with routes that always answer the same. */
export function startBareServer(
  routes: readonly BareRoute[],
  folder: string,
  cores?: string,
): Promise<ServerProcess> {
  const path = join(folder, 'bare.json')
  writeFileSync(path, JSON.stringify(routes))
  return startServerProcess({
    command: process.execPath,
    args: [PROGRAM, path],
    logPath: join(folder, 'bare.log'),
    cores,
  })
}

/**
 * What the service answers to the first request of a load, headers included.
 *
 * @throws Error — it refuses
 */
export async function answerOf(load: Load): Promise<Pick<BareRoute, 'headers' | 'body'>> {
  const [first] = readRequests(load.requestsPath)
  if (first === undefined) throw new Error('a load without requests')
  const { body, method, path } = first
  const response = await fetch(new URL(path, load.addresses[0]), {
    method,
    headers: headersOf(first, randomUUID),
    ...(body !== '' && { body }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} is answered with ${text}`)
  const headers = [...response.headers].filter(([name]) => !OWN_HEADERS.has(name))
  return { headers: Object.fromEntries(headers), body: text }
}
