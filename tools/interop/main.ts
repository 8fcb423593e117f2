// `npm run test:interop`: installs the peers into the user's cache folder, then runs our code against them.
// A peer that can't be had is named with the reason, and what needs it counts as skipped.
import { closingLine } from '../closing-line.ts'
import { ensurePkcs11 } from '../test/native-addon.ts'
import { ensurePackages, TEST_PROGRAMS } from '../test/packages.ts'
import { runVitest } from '../test/run-vitest.ts'
import { ensurePeer } from './peer.ts'
import { PEERS } from './peers.ts'

async function main(args: readonly string[]): Promise<void> {
  console.log('peers:')
  for (const peer of PEERS) {
    const presence = ensurePeer(peer)
    const found = presence.isThere ? presence.folder : `not here: ${presence.reason}`
    console.log(`  ${peer.name} ${peer.version}: ${found}`)
  }
  const advice =
    ensurePackages(TEST_PROGRAMS, process.env['PATH'] ?? '') ?? ensurePkcs11(process.env)
  if (advice !== undefined) console.error(advice)

  const config = ['--config', 'vitest.interop.config.ts']
  const { passed, failed, skipped } = await runVitest([...config, ...args])
  if (skipped.length > 0) console.log('\nskipped:')
  for (const { name, reason } of skipped) console.log(`  ${name} (${reason})`)
  console.log(`\n${closingLine({ passed, failed, skipped: skipped.length })}`)
  if (failed > 0) process.exitCode = 1
}

await main(process.argv.slice(2))
