/**
 * `sign-bundle` of the sigstore-conformance protocol: keyless, with a certificate of a Sigstore instance
 * for the identity in a token. \@sigstore/sign does all of it but the last look.
 *
 * @packageDocumentation
 */
import { bundleToJSON } from '@sigstore/bundle'
import { SigningConfig } from '@sigstore/protobuf-specs'
import {
  type BundleBuilder,
  bundleBuilderFromSigningConfig,
  DSSEBundleBuilder,
  FulcioSigner,
  type IdentityProvider,
  MessageSignatureBundleBuilder,
  RekorWitness,
} from '@sigstore/sign'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded, writeFileAtomically } from '../../src/files.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { isJsonObject, parseJson } from '../../src/formats/json.ts'
import { parseStatement, STATEMENT_PAYLOAD_TYPE } from '../../src/formats/statement.ts'
import { verifyEvidence } from '../../src/verification/evidence.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import type { CommandEnvironment } from '../command.ts'
import { type InstanceFlags, readInstanceRoot } from '../trust/sigstore-instance.ts'
import { toSigningError } from './sigstore-error.ts'

/** Options of `sign-bundle`. */
export interface SignBundleFlags extends InstanceFlags {
  readonly inToto?: true | undefined
  readonly identityToken: string
  readonly bundle: string
  readonly signingConfig?: string | undefined
}

/** The library takes an artifact whole. */
const MAX_ARTIFACT_BYTES = 128 * 1024 * 1024
const MAX_CONFIG_BYTES = 1024 * 1024

const INSTANCES = {
  production: { fulcio: 'https://fulcio.sigstore.dev', rekor: 'https://rekor.sigstore.dev' },
  staging: { fulcio: 'https://fulcio.sigstage.dev', rekor: 'https://rekor.sigstage.dev' },
} as const

/** Signs a file, or a statement, and writes the bundle; an older one is replaced, as the suite expects. */
export async function signBundleCommand(
  file: string,
  flags: SignBundleFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const data = Buffer.from(await readFileBounded(file, MAX_ARTIFACT_BYTES))
  if (flags.inToto === true) parseStatement(data)
  const builder = await createBuilder(flags)
  const type = STATEMENT_PAYLOAD_TYPE
  const made = await builder.create({ data, type }).catch((thrown: unknown) => {
    throw toSigningError(thrown)
  })
  const bytes = Buffer.from(JSON.stringify(bundleToJSON(made)))
  await assertEvidence(bytes, flags, environment)
  await writeFileAtomically(flags.bundle, bytes, { overwrite: true })
  environment.terminal.say(`SIGNED ${file} in ${flags.bundle}`)
  const document = { schema: schema('sign-bundle'), ok: true, exitCode: 0, bundle: flags.bundle }
  return { exitCode: 0, document }
}

async function createBuilder(flags: SignBundleFlags): Promise<BundleBuilder> {
  const { signingConfig, identityToken, inToto } = flags
  const identityProvider: IdentityProvider = { getToken: () => Promise.resolve(identityToken) }
  if (signingConfig !== undefined) {
    const config = await readSigningConfig(signingConfig)
    const bundleType = inToto === true ? 'dsseEnvelope' : 'messageSignature'
    return bundleBuilderFromSigningConfig({
      signingConfig: config,
      identityProvider,
      bundleType,
    })
  }
  const { fulcio, rekor } = INSTANCES[flags.staging === true ? 'staging' : 'production']
  const retry = { retries: 2 }
  const signer = new FulcioSigner({ fulcioBaseURL: fulcio, identityProvider, retry })
  const witnesses = [new RekorWitness({ rekorBaseURL: rekor, retry })]
  return inToto === true
    ? new DSSEBundleBuilder({ signer, witnesses })
    : new MessageSignatureBundleBuilder({ signer, witnesses })
}

async function readSigningConfig(path: string): Promise<SigningConfig> {
  const json = parseJson(await readFileBounded(path, MAX_CONFIG_BYTES), {
    maxBytes: MAX_CONFIG_BYTES,
  })
  try {
    if (isJsonObject(json)) return SigningConfig.fromJSON(json)
  } catch (cause) {
    throw notConfig(path, cause)
  }
  throw notConfig(path)
}

function notConfig(path: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `"${path}" is no Sigstore signing config`, {
    hint: 'give one as `cosign signing-config create` writes it',
    cause,
  })
}

/** The protocol has a trusted root "to verify the bundle": certificate, log entry and times must hold. */
async function assertEvidence(
  bytes: Uint8Array,
  flags: SignBundleFlags,
  { context }: CommandEnvironment,
): Promise<void> {
  if (flags.trustedRoot === undefined) return
  const root = await readInstanceRoot(flags, context)
  await verifyEvidence(parseBundle(bytes), { trustedRoot: root }, { times: 1 })
}
