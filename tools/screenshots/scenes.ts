/** The scenes of the pictures: files that the repository has, commands, and what they print. */
import { createPublicKey } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Context } from '../../cli/context.ts'
import { run } from '../../cli/run.ts'
import { PROJECT } from '../../test/support/project.ts'

/** One picture. */
export interface Scene {
  /** Of the file in docs/images, without suffix. */
  readonly name: string
  readonly title: string
  /** Command lines, without `countersign`. */
  readonly commands: readonly string[]
}

/** All pictures, in the order in which their commands run. */
export const SCENES: readonly Scene[] = [
  {
    name: 'sign',
    title: 'countersign sign, and verify with the public key',
    commands: ['sign app.tgz --key release.pem', 'verify app.tgz --key release.pub'],
  },
  {
    name: 'verify',
    title: 'countersign verify with a pinned service: a good release, and a changed one',
    commands: ['verify release.tgz changed.tgz'],
  },
  {
    name: 'discover',
    title: 'countersign discover: what is attached to a file',
    commands: ['discover release.tgz'],
  },
]

const GOLDEN = join(PROJECT, 'testdata/0.1.0')
/** While the copy of what the service of the golden documents publishes is fresh. */
const NOW = new Date('2026-11-30T11:01:00Z')
const BUNDLES = ['ES256-by-a-retired-version-logged', 'ES256-attestation-logged'] as const

/** Lays out the files of the scenes in an empty folder. */
export function prepare(folder: string): void {
  const golden = (name: string): string => readFileSync(join(GOLDEN, name), 'utf8')
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text)
  }
  const bundles = BUNDLES.map((name) => golden(`bundles/${name}.sigstore.json`).trim())
  write('release.tgz', golden('artifact.txt'))
  write('release.tgz.sigstore.json', bundles.map((line) => `${line}\n`).join(''))
  write('changed.tgz', 'changed\n')
  write('changed.tgz.sigstore.json', `${bundles[0] ?? ''}\n`)
  write('app.tgz', 'a release\n')
  const pem = readFileSync(join(PROJECT, 'testdata/keys/p256.pem'), 'utf8')
  write('release.pem', pem)
  write('release.pub', createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString())
  mkdirSync(join(folder, 'home'))
  copyFileSync(join(GOLDEN, 'pin/trust.json'), join(folder, 'home/trust.json'))
  const { kid } = JSON.parse(golden('pin/trust.json')) as { kid: string }
  copyFileSync(join(GOLDEN, 'copy.json'), join(folder, `home/published-${kid.slice(0, 16)}.json`))
}

/** Runs the commands of a scene in the current folder, as on a terminal of 80 columns. */
export async function play({ commands }: Scene, folder: string): Promise<string> {
  const shown: string[] = []
  const sink = { write: (text: string) => shown.push(text), isTTY: true, columns: 80 }
  const context: Context = {
    stdout: sink,
    stderr: sink,
    stdin: Readable.from([]),
    env: { COUNTERSIGN_HOME: join(folder, 'home') },
    fetch: () => Promise.reject(new TypeError('a scene needs no network')),
    now: () => NOW,
    signal: new AbortController().signal,
  }
  for (const command of commands) {
    shown.push(`\u001b[1m$ countersign ${command}\u001b[0m\n`)
    await run(command.split(' '), context)
  }
  return shown.join('')
}
