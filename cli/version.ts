/** The version of this package, from package.json above the sources or the build. */
import { readFileSync } from 'node:fs'

/** Reads the version of this package. */
export function readVersion(): string {
  for (const path of ['../package.json', '../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8')
      const { name, version } = JSON.parse(text) as { name?: string; version?: string }
      if (name === 'countersign' && version !== undefined) return version
    } catch {
      // cli/ in a checkout lies one level below package.json, dist/cli/chunks three: look further up.
    }
  }
  return 'unknown'
}
