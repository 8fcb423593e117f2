/**
 * A real OpenBao on a free loopback port, in memory, with a transit engine. Where the program is not installed, tests
 * that need it are skipped with the reason.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'vitest'
import { findPeer } from '../../tools/interop/peer.ts'
import { OPENBAO, OPENBAO_PROGRAM } from '../../tools/interop/peers.ts'
import { freePort } from './free-port.ts'

/** The token that may do everything. */
export const ROOT_TOKEN = 'countersign-root-token'

/** A running server. */
export interface OpenBaoServer extends AsyncDisposable {
  readonly address: string
  /** PEM of the authority of its certificate; undefined without TLS. */
  readonly caFile: string | undefined
  /** Variables under which the root token is used. */
  readonly env: Readonly<Record<string, string>>
  /** Asks the server as the root; answers the whole JSON. Throws where it refuses. */
  ask(method: string, path: string, body?: unknown): Promise<OpenBaoAnswer>
  /** Makes a token with a policy; answers it. */
  createToken(policy: string, options?: Readonly<Record<string, unknown>>): Promise<string>
  seal(): Promise<void>
  unseal(): Promise<void>
}

/** What a server answers. */
export interface OpenBaoAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly auth?: Readonly<Record<string, unknown>> | null
}

/** Groups tests that need the program; elsewhere one skipped test names the reason. */
export function describeOpenBao(title: string, body: () => void): void {
  const presence = findPeer(OPENBAO)
  if (presence.isThere) describe(title, body)
  else test(title, (context) => context.skip(`no OpenBao: ${presence.reason}`))
}

/** Starts a server. */
export async function startOpenBao({
  tls = false,
}: { readonly tls?: boolean } = {}): Promise<OpenBaoServer> {
  const presence = findPeer(OPENBAO)
  if (!presence.isThere) throw new Error(`OpenBao: ${presence.reason}`)
  const folder = mkdtempSync(join(tmpdir(), 'countersign-openbao-'))
  const port = await freePort()
  const args = [
    ...['server', '-dev', '-dev-no-store-token', `-dev-root-token-id=${ROOT_TOKEN}`],
    `-dev-listen-address=127.0.0.1:${port}`,
    '-log-level=error',
    ...(tls ? ['-dev-tls', `-dev-tls-cert-dir=${folder}`] : []),
  ]
  const child = spawn(join(presence.folder, OPENBAO_PROGRAM), args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const unsealKey = await readUnsealKey(child)
  return new RunningServer({
    address: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    caFile: tls ? join(folder, 'vault-ca.pem') : undefined,
    child,
    folder,
    unsealKey,
  })
}

/** The key that unseals it is printed once the server takes requests. */
async function readUnsealKey(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const lines: string[] = []
  if (child.stdout === null) throw new TypeError('a server without stdout')
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    const [, key] = /^Unseal Key: (\S+)$/.exec(line) ?? []
    if (key !== undefined) resolve(key)
  })
  child.once('error', reject)
  child.once('exit', () => {
    reject(new Error(`OpenBao ended: ${lines.slice(-5).join(' ')}`))
  })
  return promise
}

interface Running {
  readonly address: string
  readonly caFile: string | undefined
  readonly child: ChildProcess
  readonly folder: string
  readonly unsealKey: string
}

class RunningServer implements OpenBaoServer {
  readonly #running: Running
  #tokens = 0

  constructor(running: Running) {
    this.#running = running
  }

  get address(): string {
    return this.#running.address
  }

  get caFile(): string | undefined {
    return this.#running.caFile
  }

  get env(): Readonly<Record<string, string>> {
    return { BAO_ADDR: this.address, BAO_TOKEN: ROOT_TOKEN, HOME: this.#running.folder }
  }

  async ask(method: string, path: string, body?: unknown): Promise<OpenBaoAnswer> {
    const response = await fetch(`${this.address}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': ROOT_TOKEN },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? {} : JSON.parse(text)) as OpenBaoAnswer
  }

  async createToken(
    policy: string,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    this.#tokens += 1
    const name = `test-${this.#tokens}`
    await this.ask('PUT', `sys/policies/acl/${name}`, { policy })
    const { auth } = await this.ask('POST', 'auth/token/create', {
      policies: [name],
      ...options,
    })
    return String(auth?.['client_token'])
  }

  async seal(): Promise<void> {
    await this.ask('PUT', 'sys/seal')
  }

  async unseal(): Promise<void> {
    await this.ask('PUT', 'sys/unseal', { key: this.#running.unsealKey })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child, folder } = this.#running
    if (child.exitCode === null) {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    }
    rmSync(folder, { recursive: true })
  }
}

/** Starts a server with a transit engine at its usual path. */
export async function startTransit(): Promise<OpenBaoServer> {
  const server = await startOpenBao()
  await server.ask('POST', 'sys/mounts/transit', { type: 'transit' })
  return server
}
