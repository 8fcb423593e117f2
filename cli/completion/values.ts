/** Values that commands take, for completion: from tables and the configuration, never from the network. */
import { Option } from '@commander-js/extra-typings'
import type { Argument } from '@commander-js/extra-typings'
import { readConfig } from '../../src/config/load.ts'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { PREDICATE_NAMES } from '../../src/formats/predicates/types.ts'
import type { Context } from '../context.ts'
import type { Candidate, Values, ValueSource } from './candidates.ts'

/** Options whose values are known, by name. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  '--algorithm': ALGORITHM_NAMES,
  '--type': PREDICATE_NAMES,
}

/** What placeholders and arguments are called that stand for keys, and for files and the like. */
const KEYS = new Set(['key', 'keys'])
const FILES = new Set(['artifact', 'artifacts', 'bundle', 'file', 'folder', 'path'])

/** Makes the source of values of one command line. */
export function createValueSource({ env }: Pick<Context, 'env'>): ValueSource {
  return async (of, words) => {
    const known = of instanceof Option ? KNOWN[of.long ?? ''] : undefined
    if (known !== undefined) return { candidates: known.map(plain), files: false }
    const name = placeholder(of)
    if (!KEYS.has(name)) return { candidates: [], files: FILES.has(name) }
    return { candidates: await namedKeys(words, env), files: true }
  }
}

function placeholder(of: Option | Argument): string {
  if (!(of instanceof Option)) return of.name()
  return /[<[]([a-z-]+)/.exec(of.flags)?.[1] ?? ''
}

function plain(value: string): Candidate {
  return { value, description: '' }
}

/** A configuration that can't be read names no keys: this is no time to complain. */
async function namedKeys(
  words: readonly string[],
  env: Context['env'],
): Promise<readonly Candidate[]> {
  const file = words
    .flatMap((word, index) => (words[index - 1] === '--config' ? [word] : []))
    .at(-1)
  const { keys } = await readConfig({ file, env }).catch(() => ({ keys: {} }))
  return Object.entries(keys).map(([value, { algorithm, provider }]) => ({
    value,
    description: `${algorithm}, ${provider}`,
  }))
}

/** Values as a shell script reads them: a line for each, a tab before the description, `:files` or `:` last. */
export function serializeValues({ candidates, files }: Values): string {
  const lines = candidates.map(({ value, description }) => `${value}\t${oneLine(description)}`)
  return [...lines, files ? ':files' : ':', ''].join('\n')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
