/** What every storage holds to: the same cases for a folder and for S3. */
import { describe, expect, test } from 'vitest'
import type { ObjectStorage } from '../../src/storage/object-storage.ts'
import { codeOfAsync } from '../support/errors.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const KEY = 'tile/0/x001/234'
const MAX = 1024

/** Registers the cases; each starts with an empty storage of its own. */
export function describeStorageContract(name: string, open: () => Promise<ObjectStorage>): void {
  describe(name, () => {
    test('an object is read as it was written, and one that was never written is missing', async () => {
      const storage = await open()
      expect(await storage.read(KEY, MAX)).toBeUndefined()

      expect(await storage.write(KEY, bytes('one'), { seen: undefined })).toBe(true)

      const stored = await storage.read(KEY, MAX)
      expect(Buffer.from(stored?.bytes ?? []).toString()).toBe('one')
      expect(await storage.read('tile/0', MAX).catch(() => undefined)).toBeUndefined()
    })

    test('a write that expects no content replaces nothing', async () => {
      const storage = await open()
      await storage.write(KEY, bytes('one'), { seen: undefined })

      expect(await storage.write(KEY, bytes('two'), { seen: undefined })).toBe(false)

      expect(Buffer.from((await storage.read(KEY, MAX))?.bytes ?? []).toString()).toBe('one')
    })

    test('what was changed since it was seen is not replaced', async () => {
      const storage = await open()
      await storage.write('anchor', bytes('one'), { seen: undefined })
      const seen = await storage.read('anchor', MAX)
      expect(await storage.write('anchor', bytes('two'), { seen })).toBe(true)

      expect(await storage.write('anchor', bytes('three'), { seen })).toBe(false)

      expect(Buffer.from((await storage.read('anchor', MAX))?.bytes ?? []).toString()).toBe('two')
    })

    test('what was removed since it was seen is not written again', async () => {
      const storage = await open()
      await storage.write('anchor', bytes('one'), { seen: undefined })
      const seen = await storage.read('anchor', MAX)
      await storage.remove('anchor')
      await storage.remove('anchor')

      expect(await storage.write('anchor', bytes('two'), { seen })).toBe(false)

      expect(await storage.read('anchor', MAX)).toBeUndefined()
    })

    test('of many that write the first object, one does', async () => {
      const storage = await open()
      const writers = ['a', 'b', 'c', 'd', 'e', 'f']

      const written = await Promise.all(
        writers.map((text) => storage.write(KEY, bytes(text), { seen: undefined })),
      )

      expect(written.filter((each) => each)).toHaveLength(1)
      const stored = Buffer.from((await storage.read(KEY, MAX))?.bytes ?? []).toString()
      expect(stored).toBe(writers[written.indexOf(true)])
    })

    test('an object over the bound is refused', async () => {
      const storage = await open()
      await storage.write(KEY, Buffer.alloc(MAX + 1), { seen: undefined })

      expect(await codeOfAsync(() => storage.read(KEY, MAX))).toBe('ERR_INPUT_TOO_LARGE')
    })
  })
}
