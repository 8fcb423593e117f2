/** Makes a KMS key: tested before it gets its name, and not left behind when a later step fails. */
import { resolveAlgorithm } from '../../crypto/algorithms.ts'
import { CountersignError } from '../../errors.ts'
import type { CreateOnceRequest } from '../key-lifecycle.ts'
import { type CreateKeyRequest, requestedRsaBits } from '../provider.ts'
import { toKeySpec } from './algorithms.ts'
import type { KmsClient, KmsCreateKeyRequest } from './client.ts'
import { awsCommand } from './call.ts'
import { toKmsError } from './errors.ts'
import { findMarked, isMarked, MARK_TAG } from './marked-key.ts'
import { type KmsPlace, readKeyInRegions } from './regions.ts'
import { createKmsSigner } from './signer.ts'
import { type AwsKmsUri, keyIn } from './uri.ts'
import { type NewKeyContext, onceVisible } from './visibility.ts'

const SELF_TEST_MESSAGE = new TextEncoder().encode('countersign self-test')

/**
 * Makes a key pair in KMS under the alias `uri` names, signs and verifies once with it, and answers
 * the reference that pins it by ARN. The alias appears last, so it never names an untested key; a
 * key whose alias could not be made is scheduled for deletion.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — not an alias, or one reserved for AWS;
 * ERR_KEY_EXISTS — the alias is taken; ERR_ALGORITHM_UNSUPPORTED, ERR_KEY_INVALID — no such keys are
 * made
 */
export function createKmsKey(
  context: NewKeyContext,
  uri: AwsKmsUri,
  request: CreateKeyRequest,
): Promise<AwsKmsUri> {
  return createNamed(context, uri, { request, isExternal: false })
}

/**
 * As {@link createKmsKey}, and may be repeated until it succeeds: the key is tagged with the mark of
 * the request, so a call finds what an earlier one left, named or not. A key is given up (scheduled for
 * deletion) only where it signs wrongly, or its name was taken meanwhile.
 *
 * @throws {@link CountersignError} as createKmsKey; ERR_OPERATION_UNSUPPORTED — the account has too many
 * keys to look for one in
 */
export async function createKmsKeyOnce(
  context: NewKeyContext,
  uri: AwsKmsUri,
  request: CreateOnceRequest,
): Promise<AwsKmsUri> {
  const { client } = context
  const { signal, mark } = request
  assertCreatable(uri.keyId)
  const spec = keySpec(request)
  const owner = await findAliasTarget(client, uri.keyId, signal)
  if (owner !== undefined) {
    if (await isMarked(client, owner, mark, signal)) return { ...uri, keyId: owner }
    throw aliasTaken(uri.keyId, owner)
  }
  const newKey = toNewKey(context, uri.keyId, spec, request)
  const arn =
    (request.isRepeated ? await findMarked(context, mark, signal) : undefined) ??
    (await client.createKey(newKey, signal))
  try {
    await finishKey(context, { alias: uri.keyId, arn, newKey }, request)
  } catch (error) {
    const call = { operation: 'CreateKey', keyId: arn, signal }
    const kmsError = toKmsError(error, call)
    // A retry cannot fix these two.
    const isHopeless = ['ERR_PROVIDER_FAULT', 'ERR_KEY_EXISTS'].includes(kmsError.code)
    throw isHopeless ? await abandoned(context, arn, kmsError) : kmsError
  }
  return { ...uri, keyId: arn }
}

/**
 * Makes a key pair without its material, which is imported later, and names it. It signs nothing before.
 *
 * @throws {@link CountersignError} as {@link createKmsKey}
 */
export function createEmptyKey(
  context: NewKeyContext,
  uri: AwsKmsUri,
  request: CreateKeyRequest,
): Promise<AwsKmsUri> {
  return createNamed(context, uri, { request, isExternal: true })
}

async function createNamed(
  context: NewKeyContext,
  uri: AwsKmsUri,
  { request, isExternal }: { readonly request: CreateKeyRequest; readonly isExternal: boolean },
): Promise<AwsKmsUri> {
  const { client } = context
  const { signal } = request
  const alias = uri.keyId
  assertCreatable(alias)
  const newKey = { ...toNewKey(context, alias, keySpec(request), request), isExternal }
  await assertAliasFree(client, alias, signal)
  const arn = await client.createKey(newKey, signal)
  try {
    // Without material it signs no test.
    await (isExternal
      ? nameKey(context, alias, arn, signal)
      : finishKey(context, { alias, arn, newKey }, request))
  } catch (error) {
    const call = { operation: 'CreateKey', keyId: arn, signal }
    throw await abandoned(context, arn, toKmsError(error, call))
  }
  return { ...uri, keyId: arn }
}

function toNewKey(
  { others }: NewKeyContext,
  alias: string,
  spec: string,
  { algorithm, mark }: CreateKeyRequest & Partial<Pick<CreateOnceRequest, 'mark'>>,
): KmsCreateKeyRequest {
  const tags = { 'countersign:alias': alias, 'countersign:algorithm': algorithm }
  return {
    spec,
    description: `countersign ${alias}`,
    tags: mark === undefined ? tags : { ...tags, [MARK_TAG]: mark },
    isMultiRegion: others.length > 0,
  }
}

/** A key that was made, and has no name yet. */
interface UnnamedKey {
  readonly alias: string
  readonly arn: string
  readonly newKey: KmsCreateKeyRequest
}

/** The name in the first region comes last: once it is there, everything is. */
async function finishKey(
  context: NewKeyContext,
  made: UnnamedKey,
  request: CreateKeyRequest,
): Promise<void> {
  const { client, others } = context
  await selfTest(context, [{ client, keyId: made.arn }], request)
  for (const other of others) await replicate(context, other, made, request)
  await nameKey(context, made.alias, made.arn, request.signal)
}

/** Makes the key in another region, unless an earlier attempt did, and signs with it there. */
async function replicate(
  context: NewKeyContext,
  other: KmsClient,
  { alias, arn, newKey }: UnnamedKey,
  request: CreateKeyRequest,
): Promise<void> {
  const { client, delay } = context
  const { region = '' } = other.facts
  const { description, tags } = newKey
  try {
    await client.replicateKey({ keyArn: arn, region, description, tags }, request.signal)
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_KEY_EXISTS')) throw error
  }
  const keyId = keyIn(region, arn)
  // The replica first, so that it is the one that signs; the other is what it is compared with.
  const places = [
    { client: other, keyId },
    { client, keyId: arn },
  ]
  await selfTest(context, places, request)
  await nameKey({ client: other, others: [], delay }, alias, keyId, request.signal)
}

function assertCreatable(keyId: string): void {
  if (keyId.startsWith('alias/') && !keyId.startsWith('alias/aws/')) return
  throw new CountersignError('ERR_KEY_URI_INVALID', `can't make a KMS key called "${keyId}"`, {
    hint: 'name the new key awskms:///alias/NAME; KMS chooses its id, and alias/aws/ is reserved',
  })
}

function keySpec(request: CreateKeyRequest): string {
  return toKeySpec(resolveAlgorithm(request.algorithm), () => requestedRsaBits(request))
}

async function assertAliasFree(
  client: KmsClient,
  alias: string,
  signal?: AbortSignal,
): Promise<void> {
  const owner = await findAliasTarget(client, alias, signal)
  if (owner !== undefined) throw aliasTaken(alias, owner)
}

function aliasTaken(alias: string, owner: string): CountersignError {
  return new CountersignError('ERR_KEY_EXISTS', `the alias ${alias} already names ${owner}`, {
    hint: 'choose another alias, or use the key it names',
    details: { provider: 'awskms', keyArn: owner },
  })
}

/** DescribeKey rather than ListAliases: one call however many aliases there are. */
async function findAliasTarget(
  client: KmsClient,
  alias: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await client.describeKey(alias, { signal })).arn
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  }
}

async function selfTest(
  context: NewKeyContext,
  places: readonly KmsPlace[],
  request: CreateKeyRequest,
): Promise<void> {
  await onceVisible(context, request.signal, async () => {
    const signer = createKmsSigner(await readKeyInRegions(places, request))
    await signer.sign(SELF_TEST_MESSAGE, { signal: request.signal })
  })
}

async function nameKey(
  context: NewKeyContext,
  alias: string,
  arn: string,
  signal?: AbortSignal,
): Promise<void> {
  const { client } = context
  try {
    await onceVisible(context, signal, () => client.createAlias(alias, arn, signal))
  } catch (error) {
    // A lost answer makes the SDK ask again, and then KMS says the alias exists: it may be ours.
    if (!CountersignError.is(error, 'ERR_KEY_EXISTS')) throw error
    if ((await findAliasTarget(client, alias, signal)) !== arn) throw error
  }
}

/** Schedules an orphan's deletion, without the caller's signal: it may be why we are here. */
async function abandoned(
  { client, others }: NewKeyContext,
  arn: string,
  error: CountersignError,
): Promise<CountersignError> {
  const replicas = others.map((other) =>
    other.scheduleKeyDeletion(keyIn(other.facts.region ?? '', arn)).catch((thrown: unknown) => {
      if (!CountersignError.is(thrown, 'ERR_KEY_NOT_FOUND')) throw thrown
    }),
  )
  const outcome = await Promise.all([client.scheduleKeyDeletion(arn), ...replicas]).then(
    () => `the new key ${arn} is scheduled for deletion`,
    () =>
      `the new key ${arn} is left behind: ${awsCommand('aws kms schedule-key-deletion', { keyId: arn })}`,
  )
  return new CountersignError(error.code, `${error.message}; ${outcome}`, {
    hint: error.hint,
    details: { ...error.details, keyArn: arn },
    cause: error,
  })
}
