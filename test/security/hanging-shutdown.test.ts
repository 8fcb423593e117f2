/**
 * A service that is told to stop while something hangs: it ends within `drainTimeout`, as a process of its own.
 * Whatever hangs still does when the process has ended, and none of it ends by itself.
 *
 * @packageDocumentation
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { kmsEnvironment } from '../support/kms/environment.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { createPostgres } from '../support/postgres.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const SERVE = { requestTimeout: '10m', bodyTimeout: '10m', drainTimeout: '2s' } as const

interface Scene {
  readonly service: ServiceProcess
  readonly folder: ServiceFolder
  readonly double: KmsDouble
}

/** A service with a key in KMS; KMS hangs once the service runs. */
async function start(store?: string): Promise<Scene> {
  const double = await startKmsDouble()
  onTestFinished(() => double.close())
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: {
      cloud: { use: 'token', provider: `awskms://${double.endpoint}/` },
      local: { use: 'token' },
    },
    serve: SERVE,
    ...(store !== undefined && { store }),
  })
  const env = kmsEnvironment(double.credentials)
  const service = await startServiceProcess(folder, { env })
  onTestFinished(async () => {
    await service.kill('SIGKILL')
  })
  double.fail('Sign', { kind: 'hang' })
  return { service, folder, double }
}

/** Asks for a token on a connection of its own; the answer is not read unless the caller does. */
function askToken({ service, folder }: Scene, key: string): Socket {
  const { hostname, port } = new URL(service.url)
  const body = JSON.stringify({ audience: 'https://api.example.com' })
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(
    [
      `POST /v1/keys/${key}/tokens HTTP/1.1`,
      'host: localhost',
      `authorization: ${folder.authorization}`,
      'content-type: application/json',
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
  )
  onTestFinished(() => {
    socket.destroy()
  })
  return socket
}

test('a backend that never answers does not keep the service from ending', async () => {
  const scene = await start()
  const asked = scene.double.next('Sign')
  const socket = askToken(scene, 'cloud')
  await asked

  const { code } = await scene.service.kill('SIGTERM')

  expect(code).toBe(0)
  socket.destroy()
})

test('clients that do not read, or do not finish their requests, do not keep it either', async () => {
  const { service } = await start()
  const { hostname, port } = new URL(service.url)
  const page = 'GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n'
  for (const sent of [page.repeat(500), 'GET /livez HTTP/1.1\r\n', '']) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.pause()
    await once(socket, 'connect')
    socket.write(sent)
    onTestFinished(() => {
      socket.destroy()
    })
  }
  // Connections are served in order, so the others have arrived.
  expect((await fetch(`${service.url}/livez`)).status).toBe(200)

  expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('a database that another process keeps locked does not keep it either, and what waits for it is named', async () => {
  const scene = await start()
  const database = new DatabaseSync(join(scene.folder.folder, 'service.db'), { timeout: 20_000 })
  onTestFinished(() => {
    database.close()
  })
  database.exec('begin immediate')
  askToken(scene, 'local')

  await scene.service.kill('SIGTERM')

  expect(database.isTransaction).toBe(true)
  expect(scene.service.log()).toMatch(/did not stop in time: /)
})

test('a database server that no longer answers does not keep it either, and is named', async () => {
  const postgres = await createPostgres()
  onTestFinished(() => postgres.stop())
  const url = new URL(await postgres.createDatabase())
  const proxy = await startSink(Number(url.port), url.hostname)
  url.host = `127.0.0.1:${proxy.port}`
  const scene = await start(url.href)
  proxy.freeze()
  askToken(scene, 'local')

  const { code, signal } = await scene.service.kill('SIGTERM')

  expect(code === 0).toBe(false)
  expect([code, signal]).not.toEqual([null, 'SIGTERM'])
  expect(scene.service.log()).toMatch(/did not stop in time: /)
})

/** A proxy that forwards until it is frozen, and from then on only swallows. */
async function startSink(
  port: number,
  host: string,
): Promise<{ readonly port: number; readonly freeze: () => void }> {
  const sockets = new Set<Socket>()
  let isFrozen = false
  const server = createServer((client) => {
    const upstream = connect(port, host)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('data', (chunk: Buffer) => {
        if (!isFrozen) to.write(chunk)
      })
      from.on('close', () => {
        if (!isFrozen) to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const freeze = (): void => {
    isFrozen = true
  }
  return { port: (server.address() as AddressInfo).port, freeze }
}
