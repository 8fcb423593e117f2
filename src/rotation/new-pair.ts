/**
 * Key pairs for new versions. The intent is on record before the backend is asked, and stays until the
 * version is: whatever crashes in between, the next attempt, on any replica, finds the key pair that was
 * made and leaves no orphan.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { CreationIntent } from '../keys/key-records.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { NewKeyPair } from '../keys/transitions.ts'
import { canCreateOnce } from '../providers/key-lifecycle.ts'
import { type KeyUri, parseKeyUri, serializeKeyUri } from '../providers/key-uri.ts'
import { parseProviderReference, versionUri } from '../providers/provider-reference.ts'
import { readMoment } from './change.ts'
import type { RotationContext } from './context.ts'
import { selfTest } from './self-test.ts'

/** A key pair that waits to become a version; the intent goes when it does. */
export interface PreparedPair {
  readonly pair: NewKeyPair
  readonly intentId: string
}

/**
 * Makes a key pair for the next version of a key, or finishes what an earlier attempt began, and lets
 * `use` make it a version. One replica at a time makes pairs for a key.
 *
 * @throws {@link CountersignError} ERR_STATE_CONFLICT — another replica is making one;
 * ERR_OPERATION_UNSUPPORTED — the provider is one key; ERR_KEY_EXISTS — the name in the backend is taken
 * by a key that is not ours; and what the backend and `use` throw
 */
export async function withNewPair<T>(
  context: RotationContext,
  name: string,
  use: (prepared: PreparedPair) => Promise<T>,
): Promise<T> {
  const outcome = await context.store.withLock(`new-pair:${name}`, async (lost) => {
    const making = await recordIntent(context, name)
    const pair = await makePair(context, making, lost)
    return { value: await use({ pair, intentId: making.intent.id }) }
  })
  if (outcome !== undefined) return outcome.value
  throw new CountersignError(
    'ERR_STATE_CONFLICT',
    `another replica is making a version of "${name}"`,
    { hint: 'try again in a moment', details: { key: name } },
  )
}

interface Making {
  readonly key: Key
  readonly intent: CreationIntent
  /** Whether the intent was there before, so that there may be a key pair of it. */
  readonly isRepeated: boolean
}

async function recordIntent(context: RotationContext, name: string): Promise<Making> {
  const { moment, known } = await context.store.transaction(async (records) => ({
    moment: await readMoment(records, name, context.now()),
    known: (await records.keys.intents()).find(({ key }) => key === name),
  }))
  const { key, versions } = moment
  if (known !== undefined) return { key, intent: known, isRepeated: true }
  const mark = context.randomMark()
  const version = nextNumber(versions)
  const uri = versionUri(parseProviderReference(key.provider), { key: name, version, mark })
  if (uri === undefined) throw onlyOneKey(key)
  await assertNameFree(context, uri)
  const intent: CreationIntent = {
    id: mark,
    key: name,
    version,
    uri: serializeKeyUri(uri),
    createdAt: context.now(),
  }
  await context.store.transaction((records) => records.keys.insertIntent(intent))
  return { key, intent, isRepeated: false }
}

function onlyOneKey(key: Key): CountersignError {
  return new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    `the provider of "${key.name}" is one key, so it has one version`,
    { hint: 'to rotate it, give it a place instead: a folder, a token, or an AWS account' },
  )
}

/** The number of the version that is made next. */
export function nextNumber(versions: readonly KeyVersion[]): number {
  return Math.max(0, ...versions.map(({ version }) => version)) + 1
}

/** Before the intent, so that whatever has the name once the intent is there was made under it. */
async function assertNameFree(context: RotationContext, uri: KeyUri): Promise<void> {
  const provider = await context.providers.provider(uri)
  try {
    await provider.describe(uri)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return
    throw error
  }
  throw nameTaken(uri)
}

function nameTaken(uri: KeyUri, cause?: unknown): CountersignError {
  const reference = serializeKeyUri(uri)
  return new CountersignError(
    'ERR_KEY_EXISTS',
    `"${reference}" exists but was not created by this store`,
    {
      hint: 'if it is a version that a lost store knew, import it; else move it away',
      reason: 'key-of-other-store',
      details: { uri: reference },
      cause,
    },
  )
}

async function makePair(
  context: RotationContext,
  making: Making,
  signal: AbortSignal,
): Promise<NewKeyPair> {
  const { key, intent, isRepeated } = making
  const asked = parseKeyUri(intent.uri)
  const provider = await context.providers.provider(asked)
  if (!canCreateOnce(provider)) throw new TypeError(`${asked.scheme}: keys are not made here`)
  const request = { uri: asked, algorithm: key.algorithm, mark: intent.id, isRepeated, signal }
  try {
    const uri = await provider.createOnce(request)
    return await testedPair(context, key, { uri, version: intent.version })
  } catch (error) {
    if (isRepeated || !CountersignError.is(error, 'ERR_KEY_EXISTS')) throw error
    // The name was taken since it was checked: nothing was made under this intent.
    await context.store.transaction((records) => records.keys.deleteIntent(intent.id))
    throw nameTaken(asked, error)
  }
}

/**
 * Opens a key pair, signs and verifies once with exactly it, and answers what a version needs to know.
 *
 * @throws {@link CountersignError} ERR_PROVIDER_FAULT — its signature does not verify; and what opening
 * throws
 */
export async function testedPair(
  context: RotationContext,
  key: Key,
  place: { readonly uri: KeyUri; readonly version: number },
): Promise<NewKeyPair> {
  const { uri, version } = place
  const signer = await context.providers.openKey(uri, { algorithm: key.algorithm })
  await selfTest(signer)
  const pair = { publicKey: signer.key, uri: serializeKeyUri(uri) }
  if (key.use !== 'timestamp') return pair
  const certificates = context.certify({ key: key.name, version, publicKey: signer.key })
  return { ...pair, certificates }
}
