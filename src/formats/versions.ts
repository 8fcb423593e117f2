/** Documents of a later release: what this one does when it cannot know what they mean. */
import { CountersignError } from '../errors.ts'

/** Makes the error of a document that only a later release understands. */
export function unsupportedFormat(message: string): CountersignError<'ERR_FORMAT_UNSUPPORTED'> {
  return new CountersignError('ERR_FORMAT_UNSUPPORTED', message, {
    hint: 'a later release of countersign wrote it: use one that is as new',
  })
}

/**
 * Makes sure that a document has the version that is read here. Members may be added under the same version;
 * whatever a reader must not skip comes under the next one.
 *
 * @throws {@link CountersignError} ERR_FORMAT_UNSUPPORTED — it has another one; both are named
 */
export function assertVersion(what: string, found: number | string, read: number | string): void {
  if (found === read) return
  throw unsupportedFormat(`${what} has version ${String(found).slice(0, 40)}, expected ${read}`)
}
