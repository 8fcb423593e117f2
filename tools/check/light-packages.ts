import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles } from '../package/installation.ts'

interface Manifest {
  readonly version: string
  readonly engines: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * Finds where a light package differs from `countersign`: in its version, the versions of what it installs, or in a
 * module that both contain.
 *
 * @param whole - `countersign`, unpacked
 * @param light - the light package, unpacked
 * @returns a sentence for each
 */
export function findDifferences(whole: string, light: string): readonly string[] {
  const [all, part] = [whole, light].map(readManifest) as [Manifest, Manifest]
  const fixed = (['version', 'engines'] as const).filter(
    (member) => JSON.stringify(all[member]) !== JSON.stringify(part[member]),
  )
  const known = { ...all.dependencies, ...all.peerDependencies }
  const needed = Object.entries({ ...part.dependencies, ...part.peerDependencies })
  const others = needed.filter(([name, version]) => known[name] !== version)
  const modules = listFiles(light).filter((path) => path.startsWith('dist/'))
  return [
    ...fixed.map((member) => `"${member}" differs from that of countersign`),
    ...others.map(([name]) => `"${name}" has another version than in countersign`),
    ...modules
      .filter((path) => !isSame(join(whole, path), join(light, path)))
      .map((path) => `${path} is not as in countersign`),
  ]
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function isSame(one: string, other: string): boolean {
  return existsSync(one) && readFileSync(one).equals(readFileSync(other))
}
