/** How a command reads the configuration. */
import { Option } from '@commander-js/extra-typings'
import type { Config } from '../src/config/config.ts'
import type { FlagValues } from '../src/config/layers.ts'
import { readConfig } from '../src/config/load.ts'
import type { CommandEnvironment } from './command.ts'

/** Options that tell where the configuration is. */
export interface ConfigFlags {
  readonly config?: string | undefined
}

/** `--config`: the file; see {@link readCommandConfig}. */
export function configOption(): Option<'--config <file>'> {
  return new Option(
    '--config <file>',
    'configuration (default: COUNTERSIGN_CONFIG, or countersign.yaml where it is there)',
  )
}

/**
 * Reads the configuration of a command; a quick command without one pays nothing for it.
 *
 * @param overrides - options of the command that go before a setting, by its path
 * @throws {@link CountersignError} ERR_CONFIG_INVALID, ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export function readCommandConfig(
  { context }: CommandEnvironment,
  { config }: ConfigFlags,
  overrides: FlagValues = {},
): Promise<Config> {
  return readConfig({ file: config, env: context.env, flags: overrides })
}
