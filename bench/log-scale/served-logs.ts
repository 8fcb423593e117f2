/** Both logs of a store over HTTP, as a service has them, without its callers and limits. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LogReader } from '../../src/log/log-records.ts'
import { openStoredLog } from '../../src/log/source.ts'
import type { Store } from '../../src/store/store.ts'

/** A server that listens. */
export interface ServedLogs extends AsyncDisposable {
  readonly address: string
}

/** Serves them on a free loopback port. */
export async function serveLogs({ log, transparencyLog }: Store): Promise<ServedLogs> {
  const server = createServer((request, response) => {
    const [, folder, ...path] = (request.url ?? '').split('/')
    const served = folder === 'audit' ? log : transparencyLog
    answer(response, served, path.join('/')).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(response: ServerResponse, log: LogReader, path: string): Promise<void> {
  const bytes = await openStoredLog(log).read(path)
  response.writeHead(bytes === undefined ? 404 : 200)
  response.end(bytes)
}
