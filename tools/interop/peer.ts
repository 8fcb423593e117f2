import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A tool or server that others wrote, which the interop suite runs against. */
export interface Peer {
  readonly name: string
  readonly version: string
  /**
   * Installs the peer into an empty folder.
   *
   * @throws Error — it can't be had here; the message says why
   */
  readonly install: (folder: string) => void
}

/** Whether a peer is on this machine: where, or why not. */
export type Presence =
  | { readonly isThere: true; readonly folder: string }
  | { readonly isThere: false; readonly reason: string }

/** A refusal is believed for a day, so that a run does not spend its time on what it was just denied. */
const REFUSAL_LIFETIME_MS = 24 * 60 * 60 * 1000

/** The user's cache folder: peers are installed once for all checkouts. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'] ?? ''
  return join(base === '' ? join(homedir(), '.cache') : base, 'countersign')
}

/** Looks a peer up in the cache and installs nothing. */
export function findPeer(peer: Peer, cache: string = cacheFolder(process.env)): Presence {
  const folder = peerFolder(peer, cache)
  if (existsSync(installedMark(folder))) return { isThere: true, folder }
  const reason = existsSync(refusedMark(folder))
    ? readFileSync(refusedMark(folder), 'utf8').trim()
    : 'not installed; npm run test:interop installs it'
  return { isThere: false, reason }
}

/** Makes sure that a peer is in the cache, or that the reason why it is not is written down there. */
export function ensurePeer(peer: Peer, cache: string = cacheFolder(process.env)): Presence {
  const folder = peerFolder(peer, cache)
  const isSettled = existsSync(installedMark(folder)) || isRecent(refusedMark(folder))
  if (isSettled) return findPeer(peer, cache)

  // Without its mark a folder is what an interrupted run left behind.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  try {
    peer.install(folder)
    writeFileSync(installedMark(folder), '')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    writeFileSync(refusedMark(folder), `${reason}\n`)
  }
  return findPeer(peer, cache)
}

function peerFolder({ name, version }: Peer, cache: string): string {
  return join(cache, 'peers', `${name}-${version}`)
}

function installedMark(folder: string): string {
  return join(folder, '.installed')
}

function refusedMark(folder: string): string {
  return join(folder, '.refused')
}

function isRecent(path: string): boolean {
  return existsSync(path) && Date.now() - statSync(path).mtimeMs < REFUSAL_LIFETIME_MS
}
