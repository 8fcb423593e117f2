/**
 * Real tokens: SoftHSM2, in a folder of their own. Used by tests, the benchmark, the quickstart and the
 * interop suite, so it knows nothing of vitest.
 *
 * @packageDocumentation
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pkcs11Uri } from '../../src/providers/pkcs11/uri.ts'

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

/** A token with a PIN of its own. */
export interface SoftToken {
  readonly label: string
  readonly pin: string
  /** The slot SoftHSM has given it. */
  readonly slotId: number
  /** A reference to a key on this token, by its label; the PIN comes from elsewhere. */
  readonly uriFor: (object: string) => Pkcs11Uri
}

/** A SoftHSM of one's own, with a token for each label. */
export interface SoftHsm<Labels extends readonly string[] = readonly string[]> {
  readonly modulePath: string
  /** The configuration that makes the module see these tokens, for SOFTHSM2_CONF of other programs. */
  readonly configPath: string
  readonly tokens: { readonly [Index in keyof Labels]: SoftToken }
  /** Brings a PKCS#8 key (PEM) onto a token, with its public half. */
  readonly importKey: (token: SoftToken, pem: string, object: string, idHex: string) => void
  /** Takes a token away for good, with all its keys. */
  readonly lose: (token: SoftToken) => void
  /** Removes all tokens. */
  readonly remove: () => void
}

/** Tells whether SoftHSM2 is installed. */
export function isSoftHsmInstalled(): boolean {
  return findModule() !== undefined && spawnSync('softhsm2-util', ['--version']).status === 0
}

function findModule(): string | undefined {
  return MODULES.find((path) => existsSync(path))
}

/**
 * Makes a SoftHSM with a token per label. Sets SOFTHSM2_CONF of this process: the module reads it when
 * it is initialized, so call this before anything loads the module, and once per process.
 *
 * @throws Error — SoftHSM2 is not installed; names the package to install
 */
export function createSoftHsm<const Labels extends readonly string[]>(
  labels: Labels,
): SoftHsm<Labels> {
  const modulePath = findModule()
  if (modulePath === undefined || !isSoftHsmInstalled()) {
    throw new Error('SoftHSM2 is not installed; install it: apt-get install softhsm2')
  }
  const folder = mkdtempSync(join(tmpdir(), 'countersign-softhsm-'))
  const configPath = join(folder, 'softhsm2.conf')
  mkdirSync(join(folder, 'tokens'))
  const settings = [
    `directories.tokendir = ${join(folder, 'tokens')}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
  ]
  writeFileSync(configPath, `${settings.join('\n')}\n`)
  process.env['SOFTHSM2_CONF'] = configPath

  const tokens = labels.map((label, index) =>
    initToken(modulePath, label, `pin-${index}-${label}`),
  ) as { [Index in keyof Labels]: SoftToken }
  return {
    modulePath,
    configPath,
    tokens,
    importKey: (token, pem, object, idHex) => {
      const path = join(folder, 'import.pem')
      writeFileSync(path, pem, { mode: 0o600 })
      const target = ['--slot', String(token.slotId), '--pin', token.pin]
      run(['--import', path, ...target, '--label', object, '--id', idHex])
      rmSync(path)
    },
    lose: ({ label }) => {
      run(['--delete-token', '--token', label])
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function initToken(modulePath: string, label: string, pin: string): SoftToken {
  const pins = ['--so-pin', `so-${pin}`, '--pin', pin]
  const output = run(['--init-token', '--free', '--label', label, ...pins])
  const slot = /slot (\d+)/.exec(output)?.[1]
  if (slot === undefined) throw new Error(`softhsm2-util names no slot: ${output}`)
  const slotId = Number(slot)
  return {
    label,
    pin,
    slotId,
    uriFor: (object) => ({ scheme: 'pkcs11', token: label, object, modulePath }),
  }
}

function run(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('softhsm2-util', args, { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`softhsm2-util ${args[0] ?? ''} failed: ${stdout}${stderr}`)
}
