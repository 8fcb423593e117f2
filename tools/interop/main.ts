// `npm run test:interop`: installs the peers into the user's cache folder and the package, as its users have
// it, into an empty one, then runs the package against the peers.
// A peer that can't be had is named with the reason, and what needs it counts as skipped.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackages, packProject } from '../package/installation.ts'
import { ensurePkcs11 } from '../test/native-addon.ts'
import { ensurePackages, PROMETHEUS, TEST_PROGRAMS } from '../test/packages.ts'
import { reportOutcome } from '../test/report-outcome.ts'
import { runVitest, type TestOutcome } from '../test/run-vitest.ts'
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
    ensurePackages([...TEST_PROGRAMS, PROMETHEUS], process.env['PATH'] ?? '') ??
    ensurePkcs11(process.env)
  if (advice !== undefined) console.error(advice)

  reportOutcome(await runInstalled(['--config', 'vitest.interop.config.ts', ...args]))
}

/** Runs tests whose command line is the installed package's. */
async function runInstalled(args: readonly string[]): Promise<TestOutcome> {
  const scratch = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  try {
    const [{ tarball }] = packProject(scratch)
    const { cli } = installPackages([tarball], join(scratch, 'installed'))
    process.env['COUNTERSIGN_TEST_CLI'] = cli
    return await runVitest(args)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

await main(process.argv.slice(2))
