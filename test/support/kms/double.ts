/**
 * A working double of AWS KMS: a real HTTP server that speaks KMS's JSON 1.1 protocol, checks SigV4,
 * really signs, and fails in AWS's own words. Point the real SDK at `url`.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { type KmsCredentials, signedRegion } from './authenticate.ts'
import type { KmsKey, NewKey } from './key.ts'
import { type KmsDoubleFault, type KmsDoubleOptions, KmsService } from './service.ts'

/** A running double. */
export interface KmsDouble extends AsyncDisposable {
  readonly url: string
  /** `host:port`, as it stands in an `awskms://` reference. */
  readonly endpoint: string
  readonly credentials: KmsCredentials
  /** Requests so far by operation, refused ones included. */
  readonly calls: ReadonlyMap<string, number>
  /** The same by `OPERATION REGION`. */
  readonly regionCalls: ReadonlyMap<string, number>
  /** The ids of all answers so far, by operation. */
  readonly requestIds: ReadonlyMap<string, readonly string[]>
  /** Settles when the next request of an operation arrives. */
  readonly next: (operation: string) => Promise<void>
  /** Every key of every region; a test may change their state. */
  readonly keys: () => readonly KmsKey[]
  /** Adds a key without a request. */
  readonly addKey: (key: Partial<NewKey> & Pick<NewKey, 'spec'>) => Promise<KmsKey>
  /** Puts a key into a region as it is, without a request. */
  readonly placeKey: (region: string, key: KmsKey) => void
  /** Points an alias at a key, without a request. */
  readonly setAlias: (name: string, key: KmsKey) => void
  /** Refuses an operation to all callers until `reset`. */
  readonly deny: (operation: string) => void
  /** Breaks an operation, for so many requests or until `reset`. */
  readonly fail: (operation: string, fault: KmsDoubleFault, times?: number) => void
  /** Breaks a part (0 to 1) of the requests of an operation until `reset`, of those that an earlier share left. */
  readonly failShare: (operation: string, share: number, fault: KmsDoubleFault) => void
  /** Breaks every request to a region; undefined repairs it. */
  readonly failRegion: (region: string, fault: KmsDoubleFault | undefined) => void
  /** Refuses connections until the function that it returns is called. */
  readonly refuse: () => Promise<() => Promise<void>>
  /** Ends every deny and fail, and forgets the counts. */
  readonly reset: () => void
  readonly close: () => Promise<void>
}

/** Starts a double on a free port of the loopback interface. */
export async function startKmsDouble(options: KmsDoubleOptions = {}): Promise<KmsDouble> {
  const service = new KmsService(options)
  const latencyMs = options.latencyMs ?? 0
  const requestIds = new Map<string, readonly string[]>()
  const nextId = (operation: string): string => {
    const id = randomUUID()
    requestIds.set(operation, [...(requestIds.get(operation) ?? []), id])
    return id
  }
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/calls') {
      response.end(JSON.stringify(Object.fromEntries(service.calls)))
      return
    }
    void serve({ service, latencyMs, nextId }, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const { calls, credentials, denied, regionCalls, store } = service
  return {
    url: `http://127.0.0.1:${port}`,
    endpoint: `127.0.0.1:${port}`,
    credentials,
    calls,
    regionCalls,
    requestIds,
    next: (operation) => service.next(operation),
    keys: () => store.allKeys(),
    addKey: (key) => service.addKey(key),
    placeKey: (region, key) => {
      store.addKey(region, key)
    },
    setAlias: (name, key) => {
      const region = key.arn.split(':')[3] ?? ''
      store.setAlias(region, name, key.id, 'upsert')
    },
    deny: (operation) => void denied.add(operation),
    fail: (operation, fault, times = Infinity) => {
      service.fail(operation, fault, times)
    },
    failShare: (operation, share, fault) => {
      service.failShare(operation, share, fault)
    },
    failRegion: (region, fault) => {
      service.failRegion(region, fault)
    },
    refuse: async () => {
      await close()
      return async () => {
        server.listen(port, '127.0.0.1')
        await once(server, 'listening')
      }
    },
    reset: () => {
      service.reset()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Serving {
  readonly service: KmsService
  readonly latencyMs: number
  readonly nextId: (operation: string) => string
}

async function serve(
  { service, latencyMs, nextId }: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = String(request.headers['x-amz-target'])
  const operation = /^TrentService\.(\w+)$/.exec(target)?.[1] ?? ''
  const fault = service.receive(operation, signedRegion(request.headers))
  // A caller that aborts while sending is not our failure.
  const body = await buffer(request).catch(() => undefined)
  if (body === undefined || fault?.kind === 'hang') return
  if (latencyMs > 0) await setTimeout(latencyMs)
  const cut = fault?.kind === 'cut' ? fault.when : undefined
  if (cut === 'before') return void response.destroy()
  const answer = await service.answer({ operation, headers: request.headers, body, fault })
  if (cut === 'after') return void response.destroy()
  response.writeHead(answer.status, {
    date: new Date(service.now()).toUTCString(),
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': nextId(operation),
  })
  response.end(answer.body)
}
