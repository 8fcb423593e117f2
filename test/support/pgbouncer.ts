/**
 * A real PgBouncer of one's own before a PostgreSQL server, on a free loopback port. Knows nothing of vitest.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import { serverUser } from './postgres.ts'

const PROGRAM = '/usr/sbin/pgbouncer'

/** For how long a client of it keeps its connection with the server. */
export type PoolMode = 'session' | 'transaction' | 'statement'

/** A running pooler. */
export interface PgBouncer {
  /** The address of a database, by way of the pooler. */
  addressOf(url: string): string
  stop(): Promise<void>
}

/**
 * Starts a pooler as it comes, before the server of an address; it takes its user and password.
 *
 * @throws Error — it is not installed, or ended at once
 */
export async function createPgBouncer(server: string, mode: PoolMode): Promise<PgBouncer> {
  const { hostname, port: serverPort, username, password } = new URL(server)
  const folder = mkdtempSync(join(tmpdir(), 'countersign-pgbouncer-'))
  const port = await freePort()
  const users = join(folder, 'users.txt')
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(users, `"${username}" "${password}"\n`)
  const settings = [
    ...['[databases]', `* = host=${hostname} port=${serverPort}`, '[pgbouncer]'],
    ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir ='],
    ...['auth_type = plain', `auth_file = ${users}`, `pool_mode = ${mode}`],
    ...['default_pool_size = 40', 'server_reset_query = DISCARD ALL'],
  ]
  writeFileSync(config, `${settings.join('\n')}\n`)
  const user = serverUser()
  if (user !== undefined) {
    for (const path of [folder, users, config]) chownSync(path, user.uid, user.gid)
  }
  const child = await untilReady(
    spawn(PROGRAM, [config], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }),
  )
  return {
    addressOf: (url) => Object.assign(new URL(url), { port: String(port) }).href,
    stop: async () => {
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function untilReady(child: ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const log: string[] = []
    child.once('error', reject)
    child.once('exit', () => {
      reject(new Error(`pgbouncer ended:\n${log.join('\n')}`))
    })
    if (child.stderr === null) return
    createInterface(child.stderr).on('line', (line) => {
      log.push(line)
      if (line.includes('process up')) resolve(child)
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
