/** `countersign download`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { writeFileAtomically } from '../../src/files.ts'
import { printable } from '../../src/formats/printable.ts'
import { PREDICATE_NAMES } from '../../src/formats/predicates/types.ts'
import { assertWritable, placeBundle, toLine } from '../../src/artifacts/bundle-files.ts'
import { configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { type DownloadedBundles, readDownloads } from '../artifacts/downloading.ts'
import {
  caOption,
  maxAttachedOption,
  plainHttpOption,
  recursiveOption,
  referrersModeOption,
} from '../options/shared.ts'
import { collectTypes } from '../artifacts/policy.ts'
import { schema } from '../render/json.ts'
import { renderNames } from '../render/names.ts'
import type { CommandEnvironment } from '../command.ts'
import { createStores, type StoreFlags } from '../artifacts/stores.ts'
import { readTargets } from '../artifacts/targets.ts'

interface DownloadFlags extends StoreFlags {
  readonly output?: string | undefined
  readonly overwrite?: true | undefined
  readonly type?: readonly string[] | undefined
  readonly recursive?: true | undefined
  readonly maxAttached?: number | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('download')
    .description(
      'Save the bundles of an artifact, one a line, to a file or stdout; countersign verify --bundle reads them. Nothing of them is verified here.',
    )
    .argument('<artifact>', 'oci:// image, oci-layout:// folder, or a file with a bundle beside it')
    .option('-o, --output <file>', 'file, or a folder (FOLDER/) that gets a file for each image')
    .option('--overwrite', 'replace a file that is there')
    .option(
      '--type <type>',
      `only ${PREDICATE_NAMES.join(', ')}, or a URI (repeatable)`,
      collectTypes,
    )
    .optionsGroup('Images:')
    .addOption(recursiveOption())
    .addOption(maxAttachedOption())
    .addOption(referrersModeOption())
    .addOption(caOption())
    .addOption(plainHttpOption())
    .addOption(configOption())
    .action(environment.action((name, flags) => download(name, flags, environment)))
}

async function download(
  name: string,
  flags: DownloadFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  const [target] = await readTargets([name], undefined, environment.terminal)
  if (target === undefined) throw new TypeError('a name that is no artifact')
  const stores = createStores(environment, flags)
  const { recursive = false, maxAttached } = flags
  const options = { stores, recursive, maxAttached, terminal, signal: context.signal }
  const downloads = await readDownloads(target, flags.type, options)
  const result = { schema: schema('download'), ok: true, exitCode: 0, isVerified: false }
  if (flags.output === undefined) {
    const lines = downloads.flatMap(({ bundles }) => bundles.map(toLine))
    const bundles: readonly unknown[] = lines.map((line): unknown => JSON.parse(line))
    return { exitCode: 0, document: { ...result, bundles }, text: `${lines.join('\n')}\n` }
  }
  const files = await writeDownloads(downloads, flags.output, flags.overwrite === true)
  for (const { path, count } of files) terminal.say(printable(`${count} in ${path}`))
  const paths = files.map(({ path }) => path)
  const text = renderNames(paths, terminal)
  return { exitCode: 0, document: { ...result, files }, text }
}

interface WrittenFile {
  readonly path: string
  /** Bundles in it. */
  readonly count: number
}

/** Writes one file, or one for each artifact; what is there is looked at before the first is written. */
async function writeDownloads(
  downloads: readonly DownloadedBundles[],
  output: string,
  overwrite: boolean,
): Promise<readonly WrittenFile[]> {
  const byPath = new Map<string, Uint8Array[]>()
  for (const { stem, bundles } of downloads) {
    const path = (await placeBundle(output, undefined, stem))?.path ?? output
    byPath.set(path, [...(byPath.get(path) ?? []), ...bundles])
  }
  for (const path of byPath.keys()) {
    await assertWritable(path, overwrite ? 'overwrite' : 'refuse')
  }
  for (const [path, bundles] of byPath) {
    await writeFileAtomically(path, bundles.map(toLine).join('\n'), { overwrite })
  }
  return [...byPath].map(([path, bundles]) => ({ path, count: bundles.length }))
}
