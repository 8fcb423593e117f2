/** Opening whatever signs the artifacts of a command. */
import { isKeyName } from '../../src/config/forms.ts'
import type { ArtifactSigner } from '../../src/artifacts/artifact-signer.ts'
import { CountersignError } from '../../src/errors.ts'
import type { KeyUse } from '../../src/keys/key.ts'
import type { SignedForm } from '../../src/verification/key-use.ts'
import type { CommandEnvironment } from '../command.ts'
import { openKeys } from '../keys/open.ts'
import { algorithmWarning } from '../render/sign.ts'
import { openService, parseServer } from '../service/client.ts'
import type { SignFlags } from './sign-options.ts'
import { findSigningUse } from '../keys/stated-use.ts'

/** An open signer, and what a person should know of signatures by its key. */
export interface CommandSigner {
  readonly signer: ArtifactSigner
  readonly warnings: readonly string[]
}

/**
 * Opens the key that `--key` means: of the service that `--server` names, or one that this machine
 * reaches.
 *
 * @param forms - what is about to be signed by a key on this machine; a service decides by its key
 * @throws {@link CountersignError} ERR_USAGE — options that don't fit each other; and the errors of
 * opening keys, and of reading what a service publishes
 */
export async function openArtifactSigner(
  flags: SignFlags,
  forms: readonly SignedForm[],
  environment: CommandEnvironment,
): Promise<CommandSigner> {
  const { server } = flags
  const opening =
    server === undefined
      ? await openLocal(flags, forms, environment)
      : await openRemote({ ...flags, server }, environment)
  for (const warning of opening.warnings) environment.terminal.say(`warning: ${warning}`)
  return opening
}

async function openLocal(
  flags: SignFlags,
  forms: readonly SignedForm[],
  environment: CommandEnvironment,
): Promise<CommandSigner> {
  const { now, signal } = environment.context
  if (flags.tokenFile !== undefined) {
    throw new CountersignError('ERR_USAGE', '--token-file is for a service, and none is named', {
      hint: 'give --server URL too',
    })
  }
  await using stack = new AsyncDisposableStack()
  const keys = stack.use(openKeys(environment, flags))
  const onlyFiles = forms.every((form) => form === 'message')
  const uses: readonly KeyUse[] = onlyFiles ? ['artifact', 'digest'] : ['artifact']
  const signer = await keys.open(flags.key, { algorithm: flags.algorithm }, uses)
  const { use, warnings } = await findSigningUse(signer.key, forms, environment.context)
  const { createLocalSigner } = await import('../../src/artifacts/local-signer.ts')
  stack.move()
  return {
    signer: createLocalSigner({ signer, owner: keys, use, now, signal }),
    warnings: [algorithmWarning(signer.key), ...warnings].filter((text) => text !== undefined),
  }
}

async function openRemote(
  flags: SignFlags & { readonly server: string },
  environment: CommandEnvironment,
): Promise<CommandSigner> {
  const { key, server } = flags
  const { env, now, signal } = environment.context
  assertServiceKey(key, server)
  // Loaded late: most keys are within reach.
  const [{ openServiceSigner }, { nameRun }, { openServiceKeys }] = await Promise.all([
    import('../../src/artifacts/service-signer.ts'),
    import('../../src/artifacts/run-name.ts'),
    import('../service/keys.ts'),
  ])
  const keys = await openServiceKeys(parseServer(server), environment.context)
  const signer = await openServiceSigner({
    server,
    client: await openService(server, flags, environment),
    keys,
    key,
    run: nameRun(env),
    now,
    signal,
  })
  const unpinned = `no trust key of ${server} is pinned, so what it signs is checked with the keys it answers with; see countersign trust init --help`
  const ofAlgorithm = signer.publicKey && algorithmWarning(signer.publicKey)
  const warnings = [keys.isPinned ? undefined : unpinned, ofAlgorithm]
  return { signer, warnings: warnings.filter((text) => text !== undefined) }
}

/**
 * Lets only names pass: a reference to a key is for a machine that reaches that key.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertServiceKey(key: string, server: string): void {
  if (isKeyName(key)) return
  throw new CountersignError('ERR_USAGE', `"${key}" is not the name of a key of ${server}`, {
    hint: 'with --server, --key is the name of one of its keys; leave --server out to use a key yourself',
  })
}
