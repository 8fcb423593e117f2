import { createServer, type Server } from 'node:net'

/** Below the ports that systems give to clients and to servers that ask for port 0. */
const PORTS = { first: 20_000, count: 10_000 }

/**
 * Finds a loopback port for a server that cannot listen on port 0: nothing listens on it, no client gets it, and no
 * other process of tests finds it as long as this one runs. What claims it is a listener on the port 10,000 below,
 * which the system closes with the process.
 */
export async function freePort(): Promise<number> {
  // Processes begin at different places, so that they seldom ask for the same.
  for (let offset = 0; offset < PORTS.count; offset += 1) {
    const port = PORTS.first + ((process.pid * 101 + offset) % PORTS.count)
    const claim = await listen(port - PORTS.count)
    if (claim === undefined) continue
    const found = await listen(port)
    if (found !== undefined) {
      claim.unref()
      await close(found)
      return port
    }
    await close(claim)
  }
  throw new Error('every port is taken')
}

/** Undefined where another has the port. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(undefined)
    })
    server.listen(port, '127.0.0.1', () => {
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
  })
}
