/**
 * Debian's docker-registry on a free loopback port, started by the test that needs it: a real registry
 * without the referrers API.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The one account of a registry that wants a login. */
export const REGISTRY_ACCOUNT = { username: 'tester', password: 'countersign-test' }

/** bcrypt of the password above. */
const HTPASSWD = 'tester:$2b$05$abcdefghijklmnopqrstuukk2xC3c/bwEFgXspNDCOcZxrV5JwOGC\n'

/** A running registry. */
export interface DockerRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string
  stop(): Promise<void>
}

/**
 * Starts docker-registry; with a login only {@link REGISTRY_ACCOUNT} gets in.
 *
 * @throws where it is not installed, naming the package
 */
export async function startDockerRegistry(
  options: { readonly login?: boolean } = {},
): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-registry-'))
  writeFileSync(join(folder, 'htpasswd'), HTPASSWD)
  const auth = { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } }
  const config = {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...(options.login === true && { auth }),
  }
  // YAML takes JSON as it is.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const host = await listening(child)
  return {
    host,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for the line in which the registry prints its address. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Error('docker-registry is missing: apt-get install docker-registry', { cause }))
    })
    child.once('exit', (code) => {
      reject(new Error(`docker-registry ended with ${code ?? 'a signal'} before it listened`))
    })
    if (child.stderr === null) return
    const lines = createInterface(child.stderr)
    lines.on('line', (line) => {
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (host !== undefined) resolve(host)
    })
  })
}
