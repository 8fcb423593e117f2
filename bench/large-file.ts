/** Signing and verifying a large file: hashing is all there is to do, so hashing is what it is held to. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serializePublicKeyPem } from '../src/crypto/public-key.ts'
import { CLI } from './built-cli.ts'
import { makeKey } from './bundles.ts'
import { PEAK_ARGUMENTS, runChild, type Run } from './child.ts'
import { median } from './rates.ts'
import { createGoal, type Section } from './report.ts'

/** The shortest program that hashes a file as it streams by. */
const HASH = `
import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
const hash = createHash('sha256')
for await (const chunk of createReadStream(process.argv[1])) hash.update(chunk)
hash.digest()`

/** Wall time, MiB per second and peak memory for a file of so many MiB, full of zeros. */
export function measureLargeFile(sizeMiB: number, rounds: number): Section {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const path = (name: string): string => join(folder, name)
  const { key, privateKey } = makeKey('ES256')
  writeFileSync(path('key.pub'), serializePublicKeyPem(key))
  writeFileSync(path('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const file = openSync(path('large'), 'w')
  ftruncateSync(file, sizeMiB * 2 ** 20)
  closeSync(file)

  const node = (...args: readonly string[]): Run =>
    runChild(process.execPath, [...PEAK_ARGUMENTS, ...args])
  const cli = (...args: readonly string[]): Run => node(CLI, ...args, '--quiet')
  const programs = {
    'openssl dgst -sha256': () => runChild('openssl', ['dgst', '-sha256', path('large')]),
    'node, createHash over a stream': () => node('--input-type=module', '-e', HASH, path('large')),
    'countersign sign': () => cli('sign', path('large'), '--key', path('key.pem'), '--overwrite'),
    'countersign verify': () => cli('verify', path('large'), '--key', path('key.pub'), '--offline'),
  }
  const runs = Object.entries(programs).map(([program, run]) => ({
    program,
    run,
    done: [] as Run[],
  }))
  for (let round = 0; round < rounds; round += 1) for (const { run, done } of runs) done.push(run())
  rmSync(folder, { recursive: true })

  const rows = runs.map(({ program, done }) => {
    const wall = median(done.map(({ wallMs }) => wallMs)) / 1000
    const peak = Math.max(...done.map(({ peakMiB }) => peakMiB))
    return {
      program,
      'wall s': wall,
      'MiB/s': Math.round(sizeMiB / wall),
      'peak MiB': peak === 0 ? 'not asked' : Math.round(peak),
    }
  })
  const goals = rows
    .slice(2)
    .map((row) => createGoal(`${row.program}, peak MiB`, Number(row['peak MiB']), { atMost: 120 }))
  return { name: 'large-file', title: `A file of ${sizeMiB} MiB`, rows, goals }
}
