import { createServer, type IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'

/** A request as a server got it. */
export interface LoopbackRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** An answer; without a body, an empty one. */
export interface LoopbackAnswer {
  readonly status: number
  readonly body?: string | Uint8Array
  readonly contentType?: string
  /** Beside the content type. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A server on 127.0.0.1, closed when the running test ends. */
export interface LoopbackServer {
  readonly url: string
  /** Every request so far, in order. */
  readonly requests: readonly LoopbackRequest[]
}

/** Starts a server that answers every request as the function says. */
export async function startLoopbackServer(
  answer: (request: LoopbackRequest) => LoopbackAnswer | Promise<LoopbackAnswer>,
): Promise<LoopbackServer> {
  const requests: LoopbackRequest[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const request = { method, path: url, headers, body: Buffer.concat(chunks) }
      requests.push(request)
      void Promise.resolve(answer(request)).then((given) => {
        const { status, body, contentType = 'application/json', headers: more } = given
        response.writeHead(status, { 'content-type': contentType, ...more }).end(body)
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return { url: `http://127.0.0.1:${port}`, requests }
}
