/**
 * A registry in this process that misbehaves on request in every way seen of a real one. It
 * is strict where the distribution-spec lets it be, and remembers what it was asked.
 *
 * @packageDocumentation
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { Accounts } from './accounts.ts'
import { RepositoryContent } from './content.ts'
import {
  type Answer,
  answerBlob,
  answerManifest,
  answerReferrers,
  type Call,
  fail,
} from './routes.ts'
import { honestSwitches, type Switches } from './switches.ts'

/** One request as the double saw it. */
export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly authorization: string | undefined
  /** `elsewhere` is the other host: storage for uploads, and the token server. */
  readonly host: 'registry' | 'elsewhere'
}

const ROUTES: Readonly<Record<string, (call: Call) => Answer>> = {
  manifests: answerManifest,
  blobs: answerBlob,
  referrers: answerReferrers,
}

/** Starts a double that stops when the running test ends. */
export async function createRegistryDouble(
  switches: Partial<Switches> = {},
): Promise<RegistryDouble> {
  const double = new RegistryDouble({ ...honestSwitches(), ...switches })
  await double.start()
  onTestFinished(() => double.stop())
  return double
}

/** A running double. */
export class RegistryDouble {
  readonly switches: Switches
  readonly accounts: Accounts = new Accounts()
  readonly requests: SeenRequest[] = []
  readonly #repositories = new Map<string, RepositoryContent>()
  readonly #registry: Server
  readonly #elsewhere: Server

  constructor(switches: Switches) {
    this.switches = switches
    const serve =
      (host: SeenRequest['host']) =>
      (request: IncomingMessage, response: ServerResponse): void => {
        this.#serve(host, request, response)
      }
    this.#registry = createServer(serve('registry'))
    this.#elsewhere = createServer(serve('elsewhere'))
  }

  /** `127.0.0.1:port` of the registry. */
  get host(): string {
    return hostOf(this.#registry)
  }

  /** `127.0.0.1:port` of the token server and upload storage. */
  get elsewhere(): string {
    return hostOf(this.#elsewhere)
  }

  /** Requests whose `METHOD /path` matches. */
  seen(pattern: RegExp): readonly SeenRequest[] {
    return this.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`))
  }

  /** The content of a repository. */
  repository(name: string): RepositoryContent {
    const known = this.#repositories.get(name) ?? new RepositoryContent()
    this.#repositories.set(name, known)
    return known
  }

  async start(): Promise<void> {
    for (const server of [this.#registry, this.#elsewhere]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    }
  }

  async stop(): Promise<void> {
    for (const server of [this.#registry, this.#elsewhere]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  #serve(host: SeenRequest['host'], request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '' } = request
      this.requests.push({ method, path, authorization: request.headers.authorization, host })
      const { faults } = this.switches
      const fault = faults.find(({ on, times }) => on.test(`${method} ${path}`) && times !== 0)
      if (fault?.times !== undefined) fault.times -= 1
      if (fault !== undefined) {
        fault.answer(response)
        return
      }
      const { status, headers, body } = this.#answer(host, request, Buffer.concat(chunks))
      response.writeHead(status, headers)
      response.end(method === 'HEAD' ? '' : body)
    })
  }

  #answer(host: SeenRequest['host'], request: IncomingMessage, body: Buffer): Answer {
    const { method = '', headers } = request
    const url = new URL(request.url ?? '', 'http://double')
    if (url.pathname === '/token') return this.#token(request, body)
    if (url.pathname === '/v2/') return this.#root(headers.authorization)
    const match = /^\/v2\/(.+?)\/(manifests|blobs|referrers)\/(.+)$/.exec(url.pathname)
    const [, name = '', kind = '', reference = ''] = match ?? []
    const route = ROUTES[kind]
    if (route === undefined) return fail(404, 'UNSUPPORTED')
    const isWrite = !['GET', 'HEAD'].includes(method)
    const access = { repository: name, isWrite }
    const { switches } = this
    // Storage elsewhere knows its uploads by their address alone.
    const isOpen = host === 'elsewhere'
    if (!isOpen && !this.accounts.allows(switches.auth, headers.authorization, access)) {
      return this.#challenge(name)
    }
    const origins = { registry: `http://${this.host}`, elsewhere: `http://${this.elsewhere}` }
    const content = this.repository(name)
    return route({ method, url, headers, body, name, reference, content, switches, origins })
  }

  #root(authorization: string | undefined): Answer {
    const isKnown = this.accounts.knows(this.switches.auth, authorization)
    return isKnown ? { status: 200, headers: {}, body: '{}' } : this.#challenge('')
  }

  #token(request: IncomingMessage, body: Buffer): Answer {
    const token = this.accounts.issue(request, body.toString(), this.switches)
    if (token === undefined) return fail(401, 'UNAUTHORIZED', 'incorrect username or password')
    const headers = { 'content-type': 'application/json' }
    return { status: 200, headers, body: JSON.stringify(token) }
  }

  #challenge(name: string): Answer {
    const realm = `http://${this.elsewhere}/token`
    const bearer = `Bearer realm="${realm}",service="double",scope="repository:${name}:pull"`
    const basic = 'Basic realm="the, \\"double\\""'
    const wanted = this.switches.auth === 'basic' ? basic : `Negotiate, ${bearer}`
    const answer = fail(401, 'UNAUTHORIZED', 'authentication required')
    return { ...answer, headers: { ...answer.headers, 'www-authenticate': wanted } }
  }
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
