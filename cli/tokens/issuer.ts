/** Who issues tokens, on a command line. */
import { CountersignError } from '../../src/errors.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'

/**
 * Reads who issues, or whose tokens are wanted: the option, or the `issuer` of the configuration.
 *
 * @throws {@link CountersignError} ERR_USAGE — neither says it
 */
export async function readIssuer(
  flags: ConfigFlags & { readonly issuer?: string | undefined },
  environment: CommandEnvironment,
): Promise<string> {
  const issuer = flags.issuer ?? (await readCommandConfig(environment, flags)).issuer
  if (issuer !== undefined) return issuer
  throw new CountersignError('ERR_USAGE', 'no issuer given', {
    hint: 'give --issuer URL, or set `issuer` in countersign.yaml',
  })
}
