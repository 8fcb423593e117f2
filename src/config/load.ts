/**
 * Finds and reads the configuration: `--config FILE`, else COUNTERSIGN_CONFIG, else
 * `countersign.yaml` in the working folder, where there is one. A flag goes before the environment,
 * that before the file, that before the default.
 *
 * @packageDocumentation
 */
import { join } from 'node:path'
import { CountersignError } from '../errors.ts'
import { hasErrno, readFileBounded } from '../files.ts'
import { type Config, toConfig } from './config.ts'
import type { Environment } from './environment.ts'
import type { FlagValues, Setting } from './layers.ts'
import { invalidConfig, type ConfigProblem } from './problem.ts'

/** The file's usual name. */
const CONFIG_FILE = 'countersign.yaml'

/** A file far over what people write; parsing takes time that grows with its size. */
const MAX_CONFIG_BYTES = 64 * 1024

/** Where the configuration comes from. */
export interface ConfigSources {
  /** Value of `--config`. */
  readonly file?: string | undefined
  readonly env: Environment
  readonly flags?: FlagValues
  /** Where {@link CONFIG_FILE} is looked for; the working folder. */
  readonly folder?: string
}

/** What the sources say, whether or not it can be used. */
export interface Inspection {
  readonly file: string | undefined
  /** In the order of the file; none means that the configuration can be used. */
  readonly problems: readonly ConfigProblem[]
  /** Every setting that holds, with its origin; not where there are problems. */
  readonly settings: readonly Setting[]
}

/**
 * Reads the configuration.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — any mistake in any source; the message names its
 * file and line; ERR_FILE_READ — a named file is missing, or one can't be read; ERR_INPUT_TOO_LARGE
 */
export async function readConfig(sources: ConfigSources): Promise<Config> {
  const found = await findFile(sources)
  if (found === undefined && !mentionsSettings(sources)) return toConfig({})
  const { file, problems, settings } = await inspect(sources, found)
  const [first, ...rest] = problems
  if (first !== undefined) throw invalidConfig([first, ...rest])
  const set = settings.filter(({ origin }) => origin.kind !== 'default')
  const origins = Object.fromEntries(set.map(({ path, origin }) => [path, origin]))
  const { toSingleFile } = await import('./layers.ts')
  return toConfig(toSingleFile(settings), { file, origins })
}

/**
 * Reads the configuration and says everything that is wrong with it.
 *
 * @throws {@link CountersignError} ERR_FILE_READ, ERR_INPUT_TOO_LARGE — as {@link readConfig}
 */
export async function inspectConfig(sources: ConfigSources): Promise<Inspection> {
  return inspect(sources, await findFile(sources))
}

interface FoundFile {
  readonly file: string
  readonly text: string
}

async function inspect(
  { env, flags = {} }: ConfigSources,
  found: FoundFile | undefined,
): Promise<Inspection> {
  // YAML and the schema cost a quick command a third of its time: only where something is set.
  const { environmentLayer, fileLayer, flagLayer, mergeLayers } = await import('./layers.ts')
  const layers = [
    flagLayer(flags),
    environmentLayer(env),
    fileLayer(found?.text ?? '', found?.file ?? CONFIG_FILE),
  ]
  const problems = layers.toReversed().flatMap((layer) => layer.problems)
  return { file: found?.file, problems, settings: problems.length > 0 ? [] : mergeLayers(layers) }
}

function mentionsSettings({ env, flags = {} }: ConfigSources): boolean {
  const hasFlags = Object.values(flags).some(({ value }) => value !== undefined)
  return hasFlags || Object.keys(env).some((name) => name.startsWith('COUNTERSIGN_'))
}

async function findFile({
  file,
  env,
  folder = '.',
}: ConfigSources): Promise<FoundFile | undefined> {
  const fromEnvironment = env['COUNTERSIGN_CONFIG']
  const named = file ?? (fromEnvironment === '' ? undefined : fromEnvironment)
  const path = named ?? join(folder, CONFIG_FILE)
  try {
    const bytes = await readFileBounded(path, MAX_CONFIG_BYTES)
    return { file: path, text: decode(path, bytes) }
  } catch (error) {
    if (named === undefined && hasErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new CountersignError('ERR_CONFIG_INVALID', `"${file}" is not UTF-8 text`, { cause })
  }
}
