import { describe, test } from 'vitest'
import { findPeer, type Peer, type Presence } from '../../../tools/interop/peer.ts'
import { type DebianPackage, missingPackages } from '../../../tools/test/packages.ts'

/** Something of others that tests run against. */
export type Need = Peer | DebianPackage

/**
 * Groups tests that need others' programs. The body runs only where all of them are there; elsewhere one
 * skipped test stands for the group and says what is missing and why.
 */
export function describeWith(title: string, needs: readonly Need[], body: () => void): void {
  const missing = needs.flatMap((need) => {
    const presence = lookUp(need)
    return presence.isThere ? [] : [`no ${need.name}: ${presence.reason}`]
  })
  if (missing.length === 0) describe(title, body)
  else test(title, (context) => context.skip(missing.join('; ')))
}

/** Groups the same tests for each of several peers, as {@link describeWith}. */
export function describeEach<P extends { readonly name: string; readonly needs: readonly Need[] }>(
  peers: readonly P[],
  body: (peer: P) => void,
): void {
  for (const peer of peers) {
    describeWith(peer.name, peer.needs, () => {
      body(peer)
    })
  }
}

function lookUp(need: Need): Presence {
  if ('install' in need) return findPeer(need)
  const [missing] = missingPackages([need], process.env['PATH'] ?? '')
  if (missing === undefined) return { isThere: true, folder: '' }
  return { isThere: false, reason: `install it with apt-get install ${missing.name}` }
}

/** The folder of a peer that the group around says is there. */
export function folderOf(peer: Peer): string {
  const presence = findPeer(peer)
  if (presence.isThere) return presence.folder
  throw new Error(`${peer.name}: ${presence.reason}`)
}
