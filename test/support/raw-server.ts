/** Servers on loopback that answer as a test says, also not at all. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { onTestFinished } from 'vitest'

/** Starts a plain server on a free port and answers its address; closed when the running test ends. */
export async function startRawServer(listener: RequestListener): Promise<URL> {
  return new URL(`http://127.0.0.1:${await listen(createServer(listener), '127.0.0.1')}/`)
}

/** Lets a server listen on a free port, which is answered, until the running test ends. */
export async function listen(server: Server | TlsServer, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
