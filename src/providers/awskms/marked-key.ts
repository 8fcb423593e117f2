/** Finds the key of a mark: one that was made, and whose maker crashed before it had a name. */
import { CountersignError } from '../../errors.ts'
import type { KmsClient } from './client.ts'
import type { NewKeyContext } from './visibility.ts'

/** Tag that holds the mark a key was made under. */
export const MARK_TAG = 'countersign:mark'

/** Of a thousand keys each; at about 100 keys a second, reading the tags of more would take minutes. */
const MAX_PAGES = 10
/** KMS is eventually consistent: a key that was just made may not be listed yet. In ms. */
const SECOND_LOOK_AFTER = 5000

/** Whether a key was made under a mark; one whose tags may not be read was made by another caller. */
export async function isMarked(
  client: KmsClient,
  keyArn: string,
  mark: string,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    return (await client.listTags(keyArn, signal)).get(MARK_TAG) === mark
  } catch (error) {
    // The key's own policy decides, so one key's refusal says nothing of the next.
    const codes = ['ERR_NOT_ALLOWED', 'ERR_KEY_NOT_FOUND', 'ERR_KEY_NOT_USABLE']
    if (CountersignError.is(error) && codes.includes(error.code)) return false
    throw error
  }
}

/**
 * Looks through all keys of the account and region for the usable one of a mark, and a second time
 * some seconds later. Takes one call per key.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — there are over 10,000 keys
 */
export async function findMarked(
  context: NewKeyContext,
  mark: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await search(context.client, mark, signal)
  if (found !== undefined) return found
  await context.delay(SECOND_LOOK_AFTER, signal)
  return search(context.client, mark, signal)
}

async function search(
  client: KmsClient,
  mark: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  let marker: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const keys = await client.listKeys(marker, signal)
    for (const arn of keys.arns) {
      if ((await isMarked(client, arn, mark, signal)) && (await isEnabled(client, arn, signal)))
        return arn
    }
    if (keys.marker === undefined) return undefined
    marker = keys.marker
  }
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    'the AWS account has too many KMS keys to look for one that was left without a name',
    { hint: `find the key whose tag ${MARK_TAG} is ${mark}, and give it its alias` },
  )
}

/** A key that signed wrongly was scheduled for deletion by its creator. */
async function isEnabled(client: KmsClient, arn: string, signal?: AbortSignal): Promise<boolean> {
  return (await client.describeKey(arn, { signal })).state === 'Enabled'
}
