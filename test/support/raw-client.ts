/** A client that sends what a test says and no more: heads without bodies, bodies without ends. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Problem } from '../../src/service/http/problem.ts'

/** A request of which the client sends only the head. */
export interface RequestHead {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string | number>>
}

/** Connects, and sends the head of a request; the socket is closed when the running test ends. */
export async function sendHead(url: string, head: RequestHead): Promise<Socket> {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => {
    socket.destroy()
  })
  // A refusal may end the connection while the rest is still on its way.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const headers = { host, 'content-type': 'application/json', ...head.headers }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const { method = 'POST', path } = head
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`)
  return socket
}

/** The next answer on a connection, which must be a problem document. */
export async function nextProblem(socket: Socket): Promise<Problem> {
  let received = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += String(chunk)
    const [head = '', body = ''] = received.split('\r\n\r\n')
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Infinity)
    if (Buffer.byteLength(body) >= length) return JSON.parse(body) as Problem
  }
  throw new Error(`the connection ended after ${JSON.stringify(received)}`)
}
