/** The anchor in a file: written so that a crash leaves the old one or the new one. */
import { CountersignError } from '../errors.ts'
import { hasErrno, readFileBounded, writeFileAtomically } from '../files.ts'
import { type Anchor, MAX_ANCHOR_BYTES, parseAnchor, serializeAnchor } from './anchor.ts'

/** Where an anchor is kept. */
export interface AnchorStorage {
  /**
   * Reads the anchor; undefined where there is none.
   *
   * @throws CountersignError ERR_FILE_READ — it cannot be read, or is not an anchor
   */
  read(): Promise<Anchor | undefined>
  /**
   * Replaces the anchor; it is durable when the promise fulfils.
   *
   * @throws CountersignError ERR_FILE_WRITE
   */
  write(anchor: Anchor): Promise<void>
}

/** Keeps an anchor in a file. */
export function anchorFile(path: string): AnchorStorage {
  return {
    read: async () => {
      try {
        return parseAnchor(await readFileBounded(path, MAX_ANCHOR_BYTES))
      } catch (error) {
        if (hasErrno(error, 'ENOENT')) return undefined
        throw unreadable(path, error)
      }
    },
    write: (anchor) =>
      writeFileAtomically(path, serializeAnchor(anchor), { mode: 0o600, overwrite: true }),
  }
}

/** Where it would be taken for missing, damaging it would undo what it protects. */
function unreadable(path: string, cause: unknown): unknown {
  if (!CountersignError.is(cause)) return cause
  return new CountersignError(
    'ERR_FILE_READ',
    `cannot read the anchor "${path}": ${cause.message}`,
    {
      hint: 'restore the file; if it is lost, check the store as docs/runbooks/restore.md says, then move the file away',
      details: { path },
      cause,
    },
  )
}
