/** New versions of a key: of a key pair that is made for it, or of one that is there. */
import type { Key, KeyVersion } from '../keys/key.ts'
import type { KeyMoment } from '../keys/lifecycle.ts'
import { create, type NewKeyPair, publish } from '../keys/transitions.ts'
import type { VersionChange } from '../keys/version-change.ts'
import { canPin } from '../providers/key-lifecycle.ts'
import { type KeyUri, parseKeyUri } from '../providers/key-uri.ts'
import { keyInLocation, parseProviderReference } from '../providers/provider-reference.ts'
import type { StoreTransaction } from '../store/store.ts'
import { type Change, changeKey, readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { nextNumber, type PreparedPair, testedPair, withNewPair } from './new-pair.ts'

/**
 * Makes the next version of a key: a key pair in its provider, tested, then recorded as pending. An
 * attempt that was interrupted is finished.
 *
 * @param isPublished - publishes it in the same transaction, as a standby
 * @throws {@link CountersignError} as withNewPair and changeKey
 */
export function createVersion(
  context: RotationContext,
  name: string,
  by: Operator,
  isPublished = false,
): Promise<Change> {
  return withNewPair(context, name, (prepared) =>
    changeKey(context, name, { by }, async (moment, records) => {
      const created = await takeIn(prepared, moment, records)
      if (!isPublished) return [created]
      return [created, ...publish(withVersion(moment, created.after), created.after.version)]
    }),
  )
}

/**
 * Makes an existing key pair in the place of the key's provider its next version, once it has signed a
 * test. The reference may come from a remote administrator.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — not a reference, or to another place;
 * ERR_KEY_EXISTS — some key has or had this key pair; ERR_KEY_INVALID — it does not fit the key's
 * algorithm; and what opening it throws
 */
export async function importVersion(
  context: RotationContext,
  name: string,
  reference: string,
  by: Operator,
): Promise<Change> {
  const { pair } = await readImport(context, name, reference)
  return changeKey(context, name, { by }, (moment) => [create(moment, pair)])
}

/**
 * As {@link importVersion}, and publishes it in the same transaction, as a standby.
 *
 * @throws {@link CountersignError} as {@link importVersion}
 */
export async function importStandby(
  context: RotationContext,
  name: string,
  reference: string,
  by: Operator,
): Promise<Change> {
  const { pair } = await readImport(context, name, reference)
  return changeKey(context, name, { by }, (moment) => {
    const created = create(moment, pair)
    return [created, ...publish(withVersion(moment, created.after), created.after.version)]
  })
}

/**
 * Reads what an import would take in; changes nothing.
 *
 * @throws {@link CountersignError} as {@link importVersion}
 */
export async function readImport(
  context: RotationContext,
  name: string,
  reference: string,
): Promise<{ readonly moment: KeyMoment; readonly pair: NewKeyPair }> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const { key, versions } = moment
  const pinned = await pinInLocation(context, key, reference)
  const pair = await testedPair(context, key, { uri: pinned, version: nextNumber(versions) })
  return { moment, pair: { ...pair, origin: 'external' } }
}

/**
 * Pins a key pair that a remote administrator names: an alias may come to mean another key, and two tokens'
 * objects may share a label.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — not a reference, or outside of the key's provider;
 * and what the backend throws
 */
export async function pinInLocation(
  { providers }: Pick<RotationContext, 'providers'>,
  key: Key,
  reference: string,
): Promise<KeyUri> {
  const uri = keyInLocation(parseProviderReference(key.provider), parseKeyUri(reference))
  const provider = await providers.provider(uri)
  return canPin(provider) ? provider.pin(uri, { algorithm: key.algorithm }) : uri
}

/** Makes the version of a prepared key pair, and ends its intent, in one transaction. */
export async function takeIn(
  { pair, intentId }: PreparedPair,
  moment: KeyMoment,
  records: StoreTransaction,
): Promise<VersionChange> {
  const created = create(moment, pair)
  await records.keys.deleteIntent(intentId)
  return created
}

/** A key as it is once a version was added. */
export function withVersion(moment: KeyMoment, version: KeyVersion): KeyMoment {
  return { ...moment, versions: [...moment.versions, version] }
}
