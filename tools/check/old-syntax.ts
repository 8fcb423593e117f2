import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { transform } from 'esbuild'

/** The oldest Node that reads ES modules without a flag and knows `node:` in their imports. */
const OLDEST = 'node12.20'

/**
 * Finds the built modules that an old Node reads before it can be told that it is too old, and cannot parse.
 *
 * @param entry - absolute path; read with all that it imports, but for what it imports late
 */
export async function findNewSyntax(entry: string): Promise<readonly string[]> {
  const text = readFileSync(entry, 'utf8')
  const [lowered, kept] = await Promise.all([
    transform(text, { target: OLDEST }),
    transform(text, { target: 'esnext' }),
  ])
  const imports = [...text.matchAll(/(?:from|import)\s*["'](\.[^"']+)["']/g)]
  const others = imports.map(([, path = '']) => findNewSyntax(join(dirname(entry), path)))
  const mistakes = lowered.code === kept.code ? [] : [`${entry} is not parsed by ${OLDEST}`]
  return [...mistakes, ...(await Promise.all(others)).flat()]
}
