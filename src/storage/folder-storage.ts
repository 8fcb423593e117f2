/** Objects as files in a folder, each written so that a crash leaves the old one or the new one. */
import { join } from 'node:path'
import { hashBytes } from '../crypto/digest.ts'
import {
  hasErrno,
  makeFoldersWithin,
  readFileBounded,
  removeFile,
  writeFileAtomically,
} from '../files.ts'
import type { ObjectStorage, StoredObject } from './object-storage.ts'

/** Who may read the files beside their owner. */
export interface FolderStorageOptions {
  /** Whether other users of the machine may read what is written, such as a web server. */
  readonly isPublic: boolean
}

/**
 * Opens a folder, which must be there: where a volume is not mounted, nothing is written in its place. Files have
 * no compare-and-swap: of several processes that replace one object, a lock elsewhere must let one at a time.
 */
export function openFolderStorage(
  folder: string,
  { isPublic }: FolderStorageOptions,
): ObjectStorage {
  const [fileMode, folderMode] = isPublic ? [0o644, 0o755] : [0o600, 0o700]
  const read = async (key: string, maxBytes: number): Promise<StoredObject | undefined> => {
    try {
      const bytes = await readFileBounded(join(folder, key), maxBytes)
      return { bytes, version: versionOf(bytes) }
    } catch (error) {
      if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR')) return undefined
      throw error
    }
  }
  return {
    name: folder,
    read,
    write: async (key, bytes, { seen }) => {
      const path = join(folder, key)
      if (seen !== undefined) {
        const stored = await read(key, Number.MAX_SAFE_INTEGER)
        if (stored?.version !== seen.version) return false
        await writeFileAtomically(path, bytes, { mode: fileMode, overwrite: true })
        return true
      }
      await makeFoldersWithin(folder, key.split('/').slice(0, -1), folderMode)
      try {
        await writeFileAtomically(path, bytes, { mode: fileMode })
        return true
      } catch (error) {
        if (hasErrno(error, 'EEXIST')) return false
        throw error
      }
    },
    remove: (key) => removeFile(join(folder, key)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function versionOf(bytes: Uint8Array): string {
  return Buffer.from(hashBytes('sha256', bytes)).toString('hex')
}
