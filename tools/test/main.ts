// `npm test`: brings what the tests need, runs them, and says what was skipped and why.
import { closingLine } from '../closing-line.ts'
import { ensurePeer } from '../interop/peer.ts'
import { OPENBAO } from '../interop/peers.ts'
import { ensurePkcs11 } from './native-addon.ts'
import { COMPILER, ensurePackages, TEST_PROGRAMS } from './packages.ts'
import { reportOutcome } from './report-outcome.ts'
import { runVitest } from './run-vitest.ts'

async function main(args: readonly string[]): Promise<void> {
  const advice =
    ensurePackages([...TEST_PROGRAMS, ...COMPILER], process.env['PATH'] ?? '') ??
    ensurePkcs11(process.env)
  if (advice !== undefined) {
    console.error(advice)
    console.log(closingLine({ passed: 0, failed: 1 }))
    process.exitCode = 1
    return
  }

  // Without it, what needs it is skipped with the reason.
  ensurePeer(OPENBAO)
  reportOutcome(await runVitest(args))
}

await main(process.argv.slice(2))
