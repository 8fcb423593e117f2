/** Versions that move: to another region, token or folder that holds the same key pair. */
import { CountersignError } from '../errors.ts'
import type { KeyMoment } from '../keys/lifecycle.ts'
import { relocate, type Relocation } from '../keys/transitions.ts'
import { serializeKeyUri } from '../providers/key-uri.ts'
import { type Change, changeKey, readMoment } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { assertVersionsLogged } from './logged-versions.ts'
import { pinInLocation } from './new-version.ts'
import { selfTest } from './self-test.ts'

/** A move that is asked for. */
export interface RelocationRequest {
  readonly version: number
  /** Where the same key pair is; it may come from a remote administrator. */
  readonly uri: string
}

/** A move that was checked, and what it was decided on. */
export interface CheckedRelocation extends Relocation {
  readonly moment: KeyMoment
}

/**
 * Moves a version to another location of its key pair, once the key there has been compared and has signed
 * a test. The key pair in the location before stays there.
 *
 * @throws {@link CountersignError} as {@link readRelocation}; ERR_STATE_CONFLICT — it was moved or changed
 * meanwhile; and as changeKey
 */
export async function relocateVersion(
  context: RotationContext,
  name: string,
  request: RelocationRequest,
  by: Operator,
): Promise<Change> {
  const relocation = await readRelocation(context, name, request)
  return changeKey(context, name, { by }, (moment) => relocate(moment, request.version, relocation))
}

/**
 * Checks a move, and changes nothing: the location is inside the key's provider, holds the same key pair,
 * and signs.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — not a reference, or outside of the key's provider;
 * ERR_TRANSITION_REFUSED — another key pair is there, or the version signs no more; ERR_KEY_NOT_FOUND; and
 * what opening and signing throws
 */
export async function readRelocation(
  context: RotationContext,
  name: string,
  { version: number, uri: reference }: RelocationRequest,
): Promise<CheckedRelocation> {
  const moment = await context.store.transaction((records) =>
    readMoment(records, name, context.now()),
  )
  const version = moment.versions.find((each) => each.version === number)
  const from = version?.uri ?? ''
  const uri = await pinInLocation(context, moment.key, reference)
  const to = serializeKeyUri(uri)
  // Before a backend is asked to sign.
  relocate(moment, number, { from, to })
  if (version === undefined) throw new TypeError(`${name} has no version ${number}`)
  await context.store.transaction(({ log }) => assertVersionsLogged(log, version, moment.key.use))
  const signer = await context.providers.openKey(uri, { algorithm: moment.key.algorithm })
  if (signer.key.kid !== version.publicKey.kid) {
    const message = `can't relocate ${name}@${number}: ${to} holds another key pair`
    throw new CountersignError('ERR_TRANSITION_REFUSED', message, {
      hint: 'a version never changes its key pair: name a copy of it, or rotate',
      details: {
        key: name,
        version: number,
        expected: version.publicKey.kid,
        found: signer.key.kid,
      },
    })
  }
  await selfTest(signer)
  return { moment, from, to }
}
