/**
 * Open-loop load: requests leave when their time has come, whether or not the ones before are answered, as
 * callers who know nothing of each other would send them. Latency counts from the moment a request should
 * have left, so a stall of the service counts for all who would have met it.
 *
 * Run as a program it reads {@link OpenLoop} as JSON from its argument and prints an {@link OpenLoopResult}:
 * `node bench/service/open-loop.ts JSON`. It speaks HTTP/1.1 by hand, which costs a tenth of node:http.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { seededRandom } from '../../test/support/seeded-random.ts'
import { headersOf, type LoadRequest, readRequests } from './request-lines.ts'

/** What to send, and how fast. */
export interface OpenLoop {
  readonly addresses: readonly string[]
  readonly requestsPath: string
  readonly requestsPerSecond: number
  readonly seconds: number
}

/** What was found. */
export interface OpenLoopResult {
  readonly sent: number
  readonly failures: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

const HEAD_END = '\r\n\r\n'

/** A request as it goes over the wire. */
function toWire(request: LoadRequest, host: string): string {
  const { body = '', method, path } = request
  const headers = Object.entries({
    host,
    ...headersOf(request, randomUUID),
    ...(body !== '' && { 'content-length': String(Buffer.byteLength(body)) }),
  })
  const head = headers.map(([name, value]) => `${name}: ${value}`).join('\r\n')
  return `${method} ${path} HTTP/1.1\r\n${head}${HEAD_END}${body}`
}

interface Server {
  readonly host: string
  readonly hostname: string
  readonly port: number
  /** Connections without a request under way. */
  readonly idle: Connection[]
}

/** A connection with at most one request under way. */
class Connection {
  readonly #socket: Socket
  #received = ''
  #settle: ((isGood: boolean) => void) | undefined

  constructor({ hostname, port }: Server) {
    this.#socket = connect({ host: hostname, port, noDelay: true })
    // One character a byte, so that lengths are right.
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk: string) => {
      this.#received += chunk
      this.#finishWhenWhole()
    })
    this.#socket.on('error', () => this.#settle?.(false))
    this.#socket.on('close', () => this.#settle?.(false))
  }

  send(request: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#settle = resolve
      this.#socket.write(request)
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  #finishWhenWhole(): void {
    const head = this.#received.indexOf(HEAD_END)
    if (head === -1) return
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1] ?? 0)
    if (this.#received.length < head + HEAD_END.length + length) return
    const isGood = this.#received.startsWith('HTTP/1.1 200')
    this.#received = ''
    this.#settle?.(isGood)
    this.#settle = undefined
  }
}

async function runOpenLoop(load: OpenLoop): Promise<OpenLoopResult> {
  const requests = readRequests(load.requestsPath)
  const servers = load.addresses.map((address): Server => {
    const { host, hostname, port } = new URL(address)
    if (hostname !== '127.0.0.1') throw new Error(`${hostname} is not loopback`)
    return {
      host,
      hostname,
      port: Number(port),
      idle: [],
    }
  })
  const latencies: number[] = []
  let failures = 0
  const sendOne = async (number: number, due: number): Promise<void> => {
    const server = servers[number % servers.length]
    const request = requests[number % requests.length]
    if (server === undefined || request === undefined) return
    const connection = server.idle.pop() ?? new Connection(server)
    const isGood = await connection.send(toWire(request, server.host))
    latencies.push(performance.now() - due)
    if (isGood) server.idle.push(connection)
    else failures += 1
  }
  const underWay = await atRandomTimes(load, sendOne)
  await Promise.all(underWay)
  for (const connection of servers.flatMap(({ idle }) => idle)) connection.end()
  const sorted = latencies.sort((a, b) => a - b)
  const percentile = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
  return {
    sent: underWay.length,
    failures,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
  }
}

/** Starts work at the times of a Poisson process, late by a timer's millisecond at most. */
async function atRandomTimes(
  { requestsPerSecond, seconds }: OpenLoop,
  work: (number: number, due: number) => Promise<void>,
): Promise<readonly Promise<void>[]> {
  const random = seededRandom(2026)
  const started: Promise<void>[] = []
  const start = performance.now()
  const nextGap = (): number => (-Math.log(random()) * 1000) / requestsPerSecond
  for (let due = start + nextGap(); due < start + seconds * 1000; due += nextGap()) {
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, Math.ceil(wait)))
    started.push(work(started.length, due))
  }
  return started
}

const [, , argument] = process.argv
if (import.meta.main && argument !== undefined) {
  const result = await runOpenLoop(JSON.parse(argument) as OpenLoop)
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
