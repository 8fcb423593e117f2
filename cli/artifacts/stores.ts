/** The places images are in, as the options and the configuration of one command say. */
import {
  createImageStores,
  type ImageStores,
  type RegistrySettings,
} from '../../src/artifacts/image-stores.ts'
import { CountersignError } from '../../src/errors.ts'
import type { ReferrersMode } from '../../src/oci/registry-store.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'
import { createCommandRuntime } from '../runtime.ts'

/** Options that tell how registries are reached; the configuration says what they leave open. */
export interface StoreFlags extends ConfigFlags {
  readonly ca?: string | undefined
  readonly plainHttp?: true | undefined
  readonly referrersMode?: ReferrersMode | undefined
  readonly offline?: true | undefined
}

/**
 * Prepares the opening of stores; nothing is loaded or read yet.
 *
 * @returns stores whose `open` also throws ERR_USAGE — a registry, with `--offline`
 */
export function createStores(environment: CommandEnvironment, flags: StoreFlags): ImageStores {
  const stores = createImageStores({
    variables: environment.context.env,
    runtime: () => createCommandRuntime(environment),
    settings: () => readSettings(environment, flags),
  })
  if (flags.offline !== true) return stores
  return {
    ...stores,
    open: (reference) =>
      reference.kind === 'registry'
        ? Promise.reject(offline(reference.registry))
        : stores.open(reference),
  }
}

async function readSettings(
  environment: CommandEnvironment,
  { config, ca, plainHttp, referrersMode }: StoreFlags,
): Promise<RegistrySettings> {
  const { registry } = await readCommandConfig(
    environment,
    { config },
    {
      'registry.ca': { flag: '--ca', value: ca },
      'registry.referrersMode': { flag: '--referrers-mode', value: referrersMode },
    },
  )
  return { ...registry, plainHttp: plainHttp ?? registry.plainHttp }
}

function offline(registry: string): CountersignError {
  return new CountersignError('ERR_USAGE', `--offline, and ${registry} is on the network`, {
    hint: 'copy the image to a layout first (oci-layout://), or name it by digest with --bundle FILE',
  })
}
