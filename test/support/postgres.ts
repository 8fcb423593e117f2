/**
 * A real PostgreSQL server of one's own, on a free loopback port, with a folder that goes with it. Knows
 * nothing of vitest.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { versionFolders } from '../../tools/test/packages.ts'
import { freePort } from './free-port.ts'

/** The password of the one user, `postgres`. */
export const POSTGRES_PASSWORD = 'countersign-test-password'

/** Where Debian keeps its versions. */
const VERSIONS = '/usr/lib/postgresql'

/** A running server. */
export interface PostgresServer {
  /** `postgres://…/postgres`. */
  readonly url: string
  /** Makes an empty database; answers its URL. */
  createDatabase(): Promise<string>
  /** Stops the server as an operator does, closing all connections, and restarts it. */
  restart(): Promise<void>
  /** As restart, with another certificate. */
  changeCertificate(tls: ServerCertificate): Promise<void>
  /** Ends the server as a power cut does, until {@link PostgresServer.start}. */
  crash(): Promise<void>
  start(): Promise<void>
  /** Stops the server and removes all it had. */
  stop(): Promise<void>
}

/** A certificate and its key, PEM. */
export interface ServerCertificate {
  readonly certificate: string
  readonly key: string
}

/** How to run a server. */
export interface PostgresOptions {
  /** Whether a commit waits for the disk; default no, which is enough unless the machine dies. */
  readonly isDurable?: boolean
  /** Certificate and key, PEM; left out: no TLS. */
  readonly tls?: ServerCertificate
}

/**
 * Starts a server.
 *
 * @throws Error — it is not installed; names the package to install
 */
export async function createPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const [bin] = versionFolders(VERSIONS)
  if (bin === undefined) throw new Error('PostgreSQL is missing: apt-get install postgresql')
  const user = serverUser()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  initialize(bin, folder, user)
  if (options.tls !== undefined) writeCertificate(join(folder, 'data'), options.tls, user)
  const port = await freePort()
  const settings = [
    ...['-D', join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1'],
    ...['-c', 'unix_socket_directories='],
    ...(options.isDurable === true ? [] : ['-c', 'fsync=off']),
    ...(options.tls === undefined ? [] : ['-c', 'ssl=on']),
  ]
  const launch = (): Promise<ChildProcess> =>
    untilReady(spawn(join(bin, 'postgres'), settings, { ...user, cwd: folder, stdio: STDIO }))
  let child = await launch()
  const url = `postgres://postgres:${POSTGRES_PASSWORD}@127.0.0.1:${port}/postgres`
  let databases = 0
  return {
    url,
    createDatabase: async () => {
      databases += 1
      await query(url, `create database test_${databases}`)
      return url.replace(/postgres$/, `test_${databases}`)
    },
    restart: async () => {
      await end(child, 'SIGINT')
      child = await launch()
    },
    changeCertificate: async (tls) => {
      writeCertificate(join(folder, 'data'), tls, user)
      await end(child, 'SIGINT')
      child = await launch()
    },
    crash: () => end(child, 'SIGQUIT'),
    start: async () => {
      child = await launch()
    },
    stop: async () => {
      await end(child, 'SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Runs one statement as the owner of everything. */
export async function query(url: string, text: string): Promise<unknown[]> {
  const options = '-c search_path=countersign,public'
  const client = new Client({ connectionString: url, options })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(text)
    return rows
  } finally {
    await client.end()
  }
}

const STDIO: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe']

/** Who owns the processes of a server. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** Root may not run a server: it is handed to the user that the package made. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  if (line === null) throw new Error('there is no user postgres: apt-get install postgresql')
  return { uid: Number(line[1]), gid: Number(line[2]) }
}

function initialize(bin: string, folder: string, user: ServerUser | undefined): void {
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, POSTGRES_PASSWORD)
  const settings = [
    ...['-D', join(folder, 'data'), '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync'],
    ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
  ]
  const options = { ...user, cwd: folder, encoding: 'utf8' } as const
  const { status, stderr } = spawnSync(join(bin, 'initdb'), settings, options)
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`)
}

/** In files of the names that the server looks for. */
function writeCertificate(
  data: string,
  { certificate, key }: ServerCertificate,
  user: ServerUser | undefined,
): void {
  for (const [name, pem] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
    const path = join(data, name)
    rmSync(path, { force: true })
    writeFileSync(path, pem, { mode: 0o600 })
    if (user !== undefined) chownSync(path, user.uid, user.gid)
  }
}

/** Waits for the line in which the server says that it is ready. */
function untilReady(child: ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const log: string[] = []
    child.once('exit', (code) => {
      reject(new Error(`postgres ended with ${code ?? 'a signal'}:\n${log.join('\n')}`))
    })
    if (child.stderr === null) return
    createInterface(child.stderr).on('line', (line) => {
      log.splice(0, log.length - 50)
      log.push(line)
      if (line.includes('database system is ready to accept connections')) resolve(child)
    })
  })
}

async function end(child: ChildProcess, signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}
