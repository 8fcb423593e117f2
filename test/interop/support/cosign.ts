import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COSIGN } from '../../../tools/interop/peers.ts'
import { folderOf } from './needs.ts'
import { type Ended, mustRun, run } from './run.ts'

/** Options that make cosign 3 sign without a log and without requests outside. */
const SIGNING_CONFIG = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  rekorTlogConfig: {},
  tsaConfig: {},
}
const TRUSTED_ROOT = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }

/** cosign, in a home of its own. */
export interface Cosign {
  readonly folder: string
  /** Runs cosign; it must succeed. */
  readonly run: (...args: readonly string[]) => Promise<string>
  /** Runs cosign, however it ends. */
  readonly attempt: (...args: readonly string[]) => Promise<Ended>
  /** Flags of sign, attest and sign-blob that keep it offline, writing Sigstore bundles. */
  readonly signFlags: readonly string[]
  /** Flags of sign and attest that make it write its older layout. */
  readonly legacySignFlags: readonly string[]
  /** Flags of every verify command for signatures without a log entry. */
  readonly verifyFlags: readonly string[]
  readonly remove: () => void
}

/** Prepares a cosign that knows nothing of this machine's user. */
export function prepareCosign(): Cosign {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cosign-'))
  const program = join(folderOf(COSIGN), 'cosign')
  const env = { HOME: folder, DOCKER_CONFIG: folder, COSIGN_PASSWORD: 'interop' }
  const signingConfig = join(folder, 'signing-config.json')
  const trustedRoot = join(folder, 'trusted-root.json')
  writeFileSync(signingConfig, JSON.stringify(SIGNING_CONFIG))
  writeFileSync(trustedRoot, JSON.stringify(TRUSTED_ROOT))
  return {
    folder,
    run: (...args) => mustRun(program, args, env),
    attempt: (...args) => run(program, args, env),
    signFlags: ['--signing-config', signingConfig, '--trusted-root', trustedRoot, '--yes'],
    legacySignFlags: [
      ...['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'],
      '--yes',
    ],
    verifyFlags: ['--insecure-ignore-tlog'],
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
