/** Servers that only this machine can reach. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'

/** A server on a free port of 127.0.0.1. */
export interface LoopbackServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly origin: string
}

/** Starts a server; it ends, with all its connections, when it is disposed of. */
export async function startLoopbackServer(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
