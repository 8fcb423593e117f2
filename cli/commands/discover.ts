/** `countersign discover`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { readBundlesBeside } from '../../src/artifacts/bundle-files.ts'
import { configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import {
  caOption,
  maxAttachedOption,
  plainHttpOption,
  recursiveOption,
  referrersModeOption,
} from '../options/shared.ts'
import { schema } from '../render/json.ts'
import { type AttachmentTree, renderTree } from '../render/tree.ts'
import type { CommandEnvironment } from '../command.ts'
import { createStores, type StoreFlags } from '../artifacts/stores.ts'
import type { NamedArtifact } from '../../src/artifacts/named-artifact.ts'
import { readTargets } from '../artifacts/targets.ts'

interface DiscoverFlags extends StoreFlags {
  readonly recursive?: true | undefined
  readonly maxAttached?: number | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('discover')
    .description(
      'List everything attached to an artifact, as a tree. Nothing in it is verified: any writer to the repository can attach anything.',
    )
    .argument('<artifact>', 'oci:// image, oci-layout:// folder, or a file with a bundle beside it')
    .optionsGroup('Images:')
    .addOption(recursiveOption())
    .addOption(maxAttachedOption())
    .addOption(referrersModeOption())
    .addOption(caOption())
    .addOption(plainHttpOption())
    .addOption(configOption())
    .action(environment.action((name, flags) => discover(name, flags, environment)))
}

async function discover(
  name: string,
  flags: DiscoverFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const [target] = await readTargets([name], undefined, environment.terminal)
  const artifacts = target === undefined ? [] : await readTrees(target, flags, environment)
  const { terminal } = environment
  terminal.say('not verified; to verify it: countersign verify')
  return {
    exitCode: 0,
    report: artifacts.map((tree) => renderTree(tree, terminal.report)).join(''),
    document: { schema: schema('discovery'), ok: true, exitCode: 0, isVerified: false, artifacts },
  }
}

async function readTrees(
  target: NamedArtifact,
  flags: DiscoverFlags,
  environment: CommandEnvironment,
): Promise<readonly AttachmentTree[]> {
  const { discoverBundles, discoverImage } = await import('../artifacts/discovery.ts')
  if (target.kind !== 'image') {
    const bundles = await readBundlesBeside(target)
    return [{ name: target.name, attached: discoverBundles(bundles) }]
  }
  const { openImages } = await import('../../src/artifacts/open-images.ts')
  const { signal } = environment.context
  const stores = createStores(environment, flags)
  const { recursive = false, maxAttached } = flags
  const images = await openImages(target, { stores, recursive, signal })
  const trees: AttachmentTree[] = []
  for (const image of images) {
    const { digest } = image.descriptor
    trees.push({
      name: image.name,
      digest,
      attached: await discoverImage(image, { maxAttached, signal }),
    })
  }
  return trees
}
