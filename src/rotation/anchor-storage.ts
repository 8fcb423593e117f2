/** The anchor as an object: in a folder, or in a bucket. */
import { CountersignError } from '../errors.ts'
import type { ObjectStorage, StoredObject } from '../storage/object-storage.ts'
import { type Anchor, MAX_ANCHOR_BYTES, parseAnchor, serializeAnchor } from './anchor.ts'

/** Where an anchor is kept. */
export interface AnchorStorage {
  /** Where that is, for people. */
  readonly location: string
  /**
   * Reads the anchor; undefined if absent.
   *
   * @throws {@link CountersignError} ERR_FILE_READ — it cannot be read, or is not an anchor;
   * ERR_STORE_UNAVAILABLE — the bucket does not answer
   */
  read(): Promise<Anchor | undefined>
  /**
   * Replaces the anchor by what is made of the stored one, and answers that; durable when the promise fulfils.
   *
   * @throws {@link CountersignError} as {@link AnchorStorage.read}; ERR_FILE_WRITE; ERR_STATE_CONFLICT — others keep
   * writing it
   */
  update(change: (stored: Anchor | undefined) => Anchor): Promise<Anchor>
}

/** Each loser of a race knows by then what the winner wrote. */
const MAX_ATTEMPTS = 10

/** Keeps an anchor as an object of a storage. */
export function anchorIn(objects: ObjectStorage, key: string): AnchorStorage {
  const location = `${objects.name}/${key}`
  const readObject = async (): Promise<StoredObject | undefined> => {
    try {
      return await objects.read(key, MAX_ANCHOR_BYTES)
    } catch (error) {
      throw unreadable(location, error)
    }
  }
  const parse = ({ bytes }: StoredObject): Anchor => {
    try {
      return parseAnchor(bytes)
    } catch (error) {
      throw unreadable(location, error)
    }
  }
  return {
    location,
    read: async () => {
      const stored = await readObject()
      return stored && parse(stored)
    },
    update: async (change) => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const seen = await readObject()
        const next = change(seen && parse(seen))
        const bytes = Buffer.from(serializeAnchor(next))
        if (seen !== undefined && bytes.equals(seen.bytes)) return next
        const headers = { contentType: 'application/json', cacheControl: 'no-store' }
        if (await objects.write(key, bytes, { seen, headers })) return next
      }
      throw new CountersignError('ERR_STATE_CONFLICT', 'other processes keep writing the anchor', {
        hint: `it is tried again; only replicas of one service may share ${location}`,
      })
    },
  }
}

/** What is said as it is: the bucket does not answer, a later release wrote it. */
const AS_THEY_ARE = ['ERR_STORE_UNAVAILABLE', 'ERR_FORMAT_UNSUPPORTED']

/** Where it would be taken for missing, damaging it would undo what it protects. */
function unreadable(location: string, cause: unknown): unknown {
  if (!CountersignError.is(cause) || AS_THEY_ARE.includes(cause.code)) return cause
  return new CountersignError(
    'ERR_FILE_READ',
    `cannot read the anchor "${location}": ${cause.message}`,
    {
      hint: 'restore the anchor; if it is lost, check the store as docs/runbooks/restore.md says, then move it away',
      details: { path: location },
      cause,
    },
  )
}
