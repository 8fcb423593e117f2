/** `verify --offline` as a whole process of the built command line, beside the start of node alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serializePublicKeyPem } from '../src/crypto/public-key.ts'
import { CLI } from './built-cli.ts'
import { ARTIFACT, makeAttestation, makeFileSignature, makeKey } from './bundles.ts'
import { PEAK_ARGUMENTS, runChild } from './child.ts'
import { median } from './rates.ts'
import { createGoal, type Section } from './report.ts'

/** Wall time and memory of verifying a file's signature, and its provenance. */
export async function measureStartUp(rounds: number): Promise<Section> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const path = (name: string): string => join(folder, name)
  const { key, signer } = makeKey('ES256')
  writeFileSync(path('artifact'), ARTIFACT)
  writeFileSync(path('key.pub'), serializePublicKeyPem(key))
  writeFileSync(path('signature.json'), await makeFileSignature(signer))
  writeFileSync(path('provenance.json'), await makeAttestation(signer))
  const verify = [CLI, 'verify', path('artifact'), '--key', path('key.pub'), '--offline']
  const programs = {
    'node -e 0': ['-e', '0'],
    'verify a file': [...verify, '--bundle', path('signature.json')],
    'verify provenance': [
      ...[...verify, '--bundle', path('provenance.json')],
      ...['--type', 'slsaprovenance1'],
    ],
  }
  const runs = Object.entries(programs).map(([program, args]) => ({
    program,
    args,
    wall: [] as number[],
    peak: [] as number[],
  }))
  for (let round = 0; round < rounds; round += 1) {
    for (const { args, wall } of round % 2 === 0 ? runs : runs.toReversed()) {
      wall.push(runChild(process.execPath, args).wallMs)
    }
  }
  for (let round = 0; round < 3; round += 1) {
    for (const { args, peak } of runs) {
      peak.push(runChild(process.execPath, [...PEAK_ARGUMENTS, ...args]).peakMiB)
    }
  }
  rmSync(folder, { recursive: true })

  const bare = runs[0]?.wall ?? []
  const rows = runs.map(({ program, wall, peak }) => ({
    program,
    'wall ms': median(wall),
    'over bare node ms': median(wall.map((ms, round) => ms - (bare[round] ?? Number.NaN))),
    'peak MiB': median(peak),
  }))
  const goals = rows.slice(1).map((row) =>
    createGoal(`CLI: ${row.program}, ms over bare node`, row['over bare node ms'], {
      atMost: 100,
    }),
  )
  return { name: 'start-up', title: 'Offline verify, a whole process', rows, goals }
}
