/** Options that `sign` and `attest` share, and what follows from them. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import type { SignFormat } from '../../src/artifacts/artifact-signer.ts'
import type { ExistingBundle } from '../../src/artifacts/bundle-files.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { CommandEnvironment } from '../command.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import { serverOption, type ServiceFlags } from '../service/client.ts'
import type { OpenSubjectOptions } from '../../src/artifacts/open-subject.ts'
import { createStores, type StoreFlags } from './stores.ts'

/** The options both take. */
export interface SignFlags extends SecretFlags, ConfigFlags, StoreFlags, ServiceFlags {
  readonly key: string
  readonly algorithm?: AlgorithmName | undefined
  readonly bundle?: string | undefined
  readonly overwrite?: true | undefined
  readonly checksums?: string | undefined
  readonly recursive?: true | undefined
  readonly format: SignFormat
  readonly upload: boolean
}

/** `--server`: signing there; options for a key on this machine don't go with it. */
export function signingServerOption(): ReturnType<typeof serverOption> {
  return serverOption('service that signs, with its key of that name').conflicts([
    'algorithm',
    'passphraseFile',
  ])
}

/**
 * Makes the way artifacts are opened from the options.
 *
 * @throws {@link CountersignError} ERR_USAGE — what was asked for would be made for nothing
 */
export function toOpenOptions(
  flags: SignFlags,
  existing: ExistingBundle,
  environment: CommandEnvironment,
): OpenSubjectOptions {
  const { bundle, format, upload } = flags
  if (!upload && format !== 'bundle') {
    throw new CountersignError('ERR_USAGE', `--format ${format} is attached to images only`, {
      hint: 'leave out --no-upload',
    })
  }
  return {
    bundle,
    existing,
    format,
    stores: createStores(environment, flags),
    recursive: flags.recursive === true,
    isAttached: upload,
  }
}
