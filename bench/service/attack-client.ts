/**
 * A client that means harm: many connections that send one request after the other, each as soon as the one before
 * is answered or cut off. Run as a program it reads an {@link Attack} as JSON from the file in its argument, and
 * prints an {@link AttackResult}: `node bench/service/attack-client.ts FILE`.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

/** What is sent, and for how long. */
export interface Attack {
  readonly address: string
  readonly seconds: number
  readonly connections: number
  readonly path: string
  readonly contentType: string
  /** Identity tokens, one after the other; none: requests without one. */
  readonly tokens: readonly string[]
  readonly body: AttackBody
}

/** A body in pieces: the first, so many of the middle one, the last; in base64. */
export interface AttackBody {
  readonly first: string
  readonly middle: string
  readonly times: number
  readonly last: string
  /** Between two pieces. */
  readonly pauseMs: number
}

/** Answers by status; 0: the connection ended without one. */
export type AttackResult = Readonly<Record<string, number>>

const answers: Record<string, number> = {}

async function run(attack: Attack): Promise<void> {
  const end = performance.now() + attack.seconds * 1000
  const pieces = toPieces(attack.body)
  let sent = 0
  const attackers = Array.from({ length: attack.connections }, async () => {
    while (performance.now() < end) {
      const token = attack.tokens[(sent += 1) % attack.tokens.length]
      const status = await sendOnce(attack, token, pieces, end)
      if (status !== undefined) answers[status] = (answers[status] ?? 0) + 1
    }
  })
  await Promise.all(attackers)
}

interface Pieces {
  readonly all: readonly Buffer[]
  readonly length: number
}

function toPieces({ first, middle, times, last }: AttackBody): Pieces {
  const repeated = Buffer.from(middle, 'base64')
  const all = [
    Buffer.from(first, 'base64'),
    ...Array.from({ length: times }, () => repeated),
    Buffer.from(last, 'base64'),
  ]
  return { all, length: all.reduce((sum, piece) => sum + piece.length, 0) }
}

/** The status of the answer; undefined where the time was over before. */
async function sendOnce(
  { address, path, contentType, body }: Attack,
  token: string | undefined,
  { all, length }: Pieces,
  end: number,
): Promise<number | undefined> {
  const { hostname, host, port } = new URL(address)
  if (hostname !== '127.0.0.1') throw new Error(`${hostname} is not loopback`)
  const socket = connect(Number(port), hostname)
  const answer = statusOf(socket, end)
  const headers = [
    `host: ${host}`,
    `content-type: ${contentType}`,
    `content-length: ${length}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
  ]
  socket.write(`POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  await Promise.race([answer, sendPieces(socket, all, body.pauseMs)])
  const status = await answer
  socket.destroy()
  return status
}

async function sendPieces(
  socket: Socket,
  pieces: readonly Buffer[],
  pauseMs: number,
): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    const isTaken = socket.write(piece)
    if (!isTaken)
      await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve))
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function statusOf(socket: Socket, end: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => {
        resolve(undefined)
      },
      Math.max(0, end - performance.now()),
    )
    const settle = (status: number): void => {
      clearTimeout(timer)
      resolve(status)
    }
    socket.once('data', (chunk) => {
      settle(Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? 0))
    })
    socket.on('error', () => {
      settle(0)
    })
    socket.once('close', () => {
      settle(0)
    })
  })
}

const [, , file] = process.argv
if (import.meta.main && file !== undefined) {
  await run(JSON.parse(readFileSync(file, 'utf8')) as Attack)
  process.stdout.write(`${JSON.stringify(answers)}\n`)
}
