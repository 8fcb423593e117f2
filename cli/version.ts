/** The version of this package, from package.json beside the sources or above the build. */
import { readFileSync } from 'node:fs'

/** Reads the version of this package. */
export function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8')
      const { name, version } = JSON.parse(text) as { name?: string; version?: string }
      if (name === 'countersign' && version !== undefined) return version
    } catch {
      // cli/ in a checkout lies one level below package.json, dist/cli two: look at the other place.
    }
  }
  return 'unknown'
}
