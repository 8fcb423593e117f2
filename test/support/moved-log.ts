/** A store whose audit log has its full tiles in a folder. */
import { appendEntries } from '../../src/log/append.ts'
import { TileArchive } from '../../src/log/tile-archive.ts'
import { TileMover } from '../../src/log/tile-mover.ts'
import { openFolderStorage } from '../../src/storage/folder-storage.ts'
import type { ObjectStorage } from '../../src/storage/object-storage.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { stateEntry } from './log-entries.ts'
import { LOG_ORIGIN, signatureEntries, signStored } from './signed-log.ts'
import { createTempFolder } from './temp-folder.ts'

/** The store, the folder, and what moves. */
export interface MovedLog extends AsyncDisposable {
  readonly store: Store
  readonly folder: string
  /** Appends signatures behind one change of a key, which is rare. */
  append(count: number): Promise<void>
  /** Makes a mover, as each process has its own. */
  mover(options?: { readonly origin?: string; readonly folder?: string }): TileMover
}

/** Runs passes of a mover until what was covered before the first of them is moved. */
export async function moveAll(mover: TileMover): Promise<void> {
  const { signal } = new AbortController()
  await mover.run(signal)
  await mover.run(signal)
}

/** Opens a store over a database and a folder, or another storage. */
export async function openMovedLog(url: string, other?: ObjectStorage): Promise<MovedLog> {
  const folder = createTempFolder()
  const opened = (place: string): ObjectStorage =>
    other ?? openFolderStorage(place, { isPublic: false })
  const archive = new TileArchive(opened(folder))
  const store = await openStore(url, { migrate: true, archives: { audit: archive } })
  let size = 0
  return {
    store,
    folder,
    append: async (count) => {
      const first = stateEntry(size, { to: 'pending', action: 'create', sequence: size + 1 })
      const change = { ...first, key: { ...first.key, version: size + 1, kid: `kid-${size}` } }
      for (let done = 0; done < count; done += 256) {
        const entries = signatureEntries(Math.min(256, count - done), size + 1)
        const group = done === 0 ? [change, ...entries.slice(1)] : entries
        await store.transaction((records) => appendEntries(records, group))
        size += group.length
      }
      await signStored(store)
    },
    mover: ({ folder: place = folder, origin = LOG_ORIGIN } = {}) => {
      const storage = opened(place)
      return new TileMover({
        ...{ log: store.log, origin, archive: new TileArchive(storage) },
        writer: { storage, isPublic: false },
        forget: (start, end) => store.transaction(({ log }) => log.forgetMoved(start, end)),
      })
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
