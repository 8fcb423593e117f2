/** A service whose database is put back to an earlier state. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogSection } from '../../src/config/sections/serve.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { HistoryCheck } from '../../src/log/history-check.ts'
import type { ServerOptions } from '../../src/service/server.ts'
import { readAudit } from './audit-log.ts'
import { runServer, type TestServer } from './server.ts'
import { ServiceClient } from './service-client.ts'
import {
  type ServiceFolder,
  type ServiceFolderOptions,
  writeServiceFolder,
} from './service-folder.ts'
import { createTempFolder } from './temp-folder.ts'

const KEYS = { release: { use: 'artifact' }, sessions: { use: 'token' } } as const

/** A folder of a service with a key for artifacts and one for tokens. */
export function createFolder(options: Partial<ServiceFolderOptions> = {}): ServiceFolder {
  return writeServiceFolder({ folder: createTempFolder(), keys: KEYS, ...options })
}

/** Path of its SQLite database. */
export function databaseOf({ folder }: ServiceFolder): string {
  return join(folder, 'service.db')
}

/** Runs the service for a while and stops it, as before a backup and after the accident. */
export async function live(
  folder: ServiceFolder,
  life: (client: ServiceClient, server: TestServer) => Promise<void>,
  options: Pick<ServerOptions, 'migrate' | 'acceptStoreBehind'> = {},
): Promise<void> {
  const server = await runServer(folder, options)
  await life(clientOf(server, folder), server)
  await server[Symbol.asyncDispose]()
}

/** A client of a running one. */
export function clientOf({ address }: TestServer, { authorization }: ServiceFolder): ServiceClient {
  return new ServiceClient({ address, authorization })
}

/** Copies the database of a service that is stopped. */
export function backUp(folder: ServiceFolder): void {
  copyFileSync(databaseOf(folder), join(folder.folder, 'copy.db'))
}

/** Puts the copy of the database back, and removes what belongs to the one that was lost. */
export function putBack(folder: ServiceFolder): void {
  for (const end of ['-wal', '-shm']) rmSync(`${databaseOf(folder)}${end}`, { force: true })
  copyFileSync(join(folder.folder, 'copy.db'), databaseOf(folder))
}

/** Kids of the versions that were active when it started. */
export function activeKids({ versions }: TestServer, names: readonly string[]): readonly string[] {
  return versions
    .filter(({ key, state }) => state === 'active' && names.includes(key))
    .map(({ publicKey }) => publicKey.kid)
}

/** The JWKS, as far as tests look at it. */
export interface KeySet {
  readonly sequence: number
  readonly keys: readonly { readonly kid: string }[]
}

/** Fetches the JWKS. */
export async function keySet({ address }: TestServer): Promise<KeySet> {
  return (await (await fetch(`${address}/.well-known/jwks.json`)).json()) as KeySet
}

/** The version that signs a token now. */
export async function kidOfToken(
  { address }: TestServer,
  { authorization }: ServiceFolder,
): Promise<string> {
  const answer = await fetch(`${address}/v1/keys/sessions/tokens`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ audience: 'https://api.example.com' }),
  })
  const { token } = (await answer.json()) as { readonly token: string }
  const [header = ''] = token.split('.')
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly kid: string }).kid
}

/** The first entries of the audit log, whose order makes sense. */
export async function readLog(
  { address: url }: TestServer,
  { authorization }: ServiceFolder,
): Promise<readonly LogEntry[]> {
  const all = (await readAudit({ url, authorization })).map(({ entry }) => entry)
  const history = new HistoryCheck()
  for (const [index, entry] of all.entries()) history.add(index, entry)
  return all
}

/** The anchor, as far as tests look at it. */
export interface AnchorDocument {
  readonly sequence: number
  readonly logs: readonly {
    readonly log: string
    readonly origin: string
    readonly size: number
  }[]
  readonly revoked: readonly { readonly kid: string }[]
}

/** Path of the anchor beside an SQLite database. */
export function anchorOf(folder: ServiceFolder): string {
  return `${databaseOf(folder)}.anchor`
}

/** Reads an anchor. */
export function readAnchor(folder: ServiceFolder, path: string = anchorOf(folder)): AnchorDocument {
  return JSON.parse(readFileSync(path, 'utf8')) as AnchorDocument
}

/** A name that the audit log never had. */
export const NEW_AUDIT: LogSection = { auditOrigin: 'sign.example.com/audit-2' }
/** Names that neither log ever had. */
const NEW_NAMES: LogSection = { ...NEW_AUDIT, origin: 'log-2.sign.example.com' }

/** Gives the logs other names, as an operator does. */
export function renameLogs(folder: ServiceFolder, names: LogSection = NEW_NAMES): void {
  const config = JSON.parse(readFileSync(folder.config, 'utf8')) as { readonly log?: object }
  writeFileSync(folder.config, JSON.stringify({ ...config, log: { ...config.log, ...names } }))
}
