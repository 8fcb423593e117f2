/**
 * Whether a version signs, found out right before it is to: a standby waits for months, and its key pair may
 * be disabled, deleted or replaced meanwhile.
 *
 * @packageDocumentation
 */
import { CountersignError, type ErrorCode, toCountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import { publish, retire } from '../keys/transitions.ts'
import { changeKey } from './change.ts'
import type { Operator, RotationContext } from './context.ts'
import { takeIn, withVersion } from './new-version.ts'
import { withNewPair } from './new-pair.ts'
import { openPinned } from './open-signers.ts'
import { selfTest } from './self-test.ts'

/** What says that the key pair itself is of no use any more; an outage or a wrong PIN does not. */
const DEAD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_KEY_NOT_FOUND',
  'ERR_KEY_NOT_USABLE',
  'ERR_KEY_INVALID',
  'ERR_PROVIDER_FAULT',
  'ERR_NOT_ALLOWED',
  'ERR_FILE_READ',
])

/**
 * Signs and verifies with exactly the key pair of a version, on a handle that is opened for it.
 *
 * @returns why it is dead; undefined: it signs
 * @throws {@link CountersignError} what says nothing of the key pair: its backend is away, or lets no one in
 */
export async function findDefect(
  { providers }: Pick<RotationContext, 'providers'>,
  version: KeyVersion,
): Promise<CountersignError | undefined> {
  try {
    const signer = await openPinned((...asked) => providers.openKey(...asked), version)
    await selfTest(signer)
    return undefined
  } catch (error) {
    if (CountersignError.is(error) && DEAD.has(error.code)) return error
    throw error
  }
}

/**
 * Makes sure that a version signs, before it is activated. One that waits and is dead is replaced: another
 * is made and published, and the dead one retired, in one transaction. Whatever is active stays.
 *
 * @throws {@link CountersignError} ERR_TRANSITION_REFUSED — it does not sign; and as {@link findDefect}
 */
export async function assertSigns(
  context: RotationContext,
  version: KeyVersion,
  requestId: string,
): Promise<void> {
  const defect = await findDefect(context, version)
  if (defect === undefined) return
  const by = { caller: undefined, requestId, reason: `it does not sign: ${defect.code}` }
  throw new CountersignError(
    'ERR_TRANSITION_REFUSED',
    `can't activate ${version.key}@${version.version}: it does not sign (${defect.code})`,
    {
      hint: await replaceStandby(context, version, by),
      details: { key: version.key, version: version.version, backend: defect.code },
      cause: defect,
    },
  )
}

/** Answers what became of it, for people. */
async function replaceStandby(
  context: RotationContext,
  dead: KeyVersion,
  by: Operator,
): Promise<string> {
  try {
    const { changed } = await withNewPair(context, dead.key, (prepared) =>
      changeKey(context, dead.key, { by }, async (moment, records) => {
        const ended = retire(moment, dead.version)
        const made = await takeIn(prepared, moment, records)
        // A rotation that was asked for is still wanted.
        if (moment.key.rotateTo === dead.version) {
          await records.keys.requestRotation(dead.key, made.after.version)
        }
        return [...ended, made, ...publish(withVersion(moment, made.after), made.after.version)]
      }),
    )
    const next = changed.at(-1)?.version
    return `whatever signed still signs; version ${next} was published in its place, and waits like any other`
  } catch (thrown) {
    const { code } = toCountersignError(thrown)
    return `whatever signed still signs; no other version could be made (${code})`
  }
}
