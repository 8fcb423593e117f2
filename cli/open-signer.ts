/** Opening whoever signs the artifacts of a command. */
import { isKeyName } from '../src/config/forms.ts'
import type { PublicKeyInfo } from '../src/crypto/public-key.ts'
import { CountersignError } from '../src/errors.ts'
import type { KeyUse } from '../src/keys/key.ts'
import type { SignedForm } from '../src/verification/key-use.ts'
import type { ArtifactSigner } from './artifact-signer.ts'
import type { CommandEnvironment } from './command.ts'
import type { Context } from './context.ts'
import { openKeys } from './keys.ts'
import { algorithmWarning } from './render/sign.ts'
import { openService, parseServer } from './service.ts'
import { localSigner } from './sign-artifacts.ts'
import type { SignFlags } from './sign-options.ts'
import { useWarning } from './stated-use.ts'

/** What is about to be signed. */
export interface SigningJob {
  readonly annotations: Readonly<Record<string, string>>
  /** Of a key on this machine; a service decides by its key. */
  readonly forms: readonly SignedForm[]
}

/**
 * Opens the key that `--key` means: of the service that `--server` names, or one that this machine
 * reaches.
 *
 * @throws {@link CountersignError} ERR_USAGE — options that don't fit each other; and the errors of
 * opening keys, and of reading what a service publishes
 */
export async function openArtifactSigner(
  flags: SignFlags,
  job: SigningJob,
  environment: CommandEnvironment,
): Promise<ArtifactSigner> {
  const { server } = flags
  const signer =
    server === undefined
      ? await openLocal(flags, job, environment)
      : await openRemote({ ...flags, server }, job, environment)
  for (const warning of signer.warnings) environment.terminal.say(`warning: ${warning}`)
  return signer
}

async function openLocal(
  flags: SignFlags,
  { annotations, forms }: SigningJob,
  environment: CommandEnvironment,
): Promise<ArtifactSigner> {
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
  const warnings = await readWarnings(signer.key, forms, environment.context)
  stack.move()
  return localSigner(keys, { signer, annotations, warnings, now: now(), signal })
}

/** What the first verifier would complain about. */
async function readWarnings(
  key: PublicKeyInfo,
  forms: readonly SignedForm[],
  context: Context,
): Promise<readonly string[]> {
  const ofUses = await Promise.all(
    [...new Set(forms)].map((form) => useWarning(key, form, context)),
  )
  return [...new Set([algorithmWarning(key), ...ofUses])].filter((text) => text !== undefined)
}

async function openRemote(
  flags: SignFlags & { readonly server: string },
  { annotations }: SigningJob,
  environment: CommandEnvironment,
): Promise<ArtifactSigner> {
  const { key, server } = flags
  const { context } = environment
  assertServiceKey(key, server)
  // Loaded late: most keys are within reach.
  const [{ openServiceSigner }, { openServiceKeys }] = await Promise.all([
    import('./service-signer.ts'),
    import('./service-keys.ts'),
  ])
  return openServiceSigner({
    server,
    client: await openService(server, flags, environment),
    keys: await openServiceKeys(parseServer(server), context),
    key,
    annotations,
    context,
  })
}

/**
 * Lets only names pass: a reference to a key is for whoever reaches that key.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertServiceKey(key: string, server: string): void {
  if (isKeyName(key)) return
  throw new CountersignError('ERR_USAGE', `"${key}" is not the name of a key of ${server}`, {
    hint: 'with --server, --key is the name of one of its keys; leave --server out to use a key yourself',
  })
}
