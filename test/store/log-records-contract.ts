import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { appendEntries } from './records.ts'
import type { OpenEmpty } from './store-contract.ts'

/** Defines the tests of the log. */
export function testLogRecords(openEmpty: OpenEmpty): void {
  testEntries(openEmpty)
  testTilesAndCheckpoints(openEmpty)
  testCosignedCheckpoints(openEmpty)
  testTwoLogs(openEmpty)
}

function testEntries(openEmpty: OpenEmpty): void {
  test('an empty log has the root of a tree without entries', async () => {
    const store = await openEmpty()
    const root = Uint8Array.from(createHash('sha256').digest())

    expect(await store.log.head()).toEqual({ size: 0, root })
    expect(await store.log.checkpoint()).toBeUndefined()
    expect(await store.log.tile(0, 0)).toBeUndefined()
    expect(await store.log.entries(0, 10)).toEqual([])
  })

  test('entries come back byte for byte, in order, as far as the log goes', async () => {
    const store = await openEmpty()
    const every = Uint8Array.from({ length: 65_535 }, (_, index) => index)
    const random = randomBytes(65_535)
    const data = [
      every,
      Uint8Array.from(random),
      new Uint8Array(),
      Uint8Array.of(0),
      Uint8Array.of(0x5c, 0x78, 0x22),
    ]
    await store.transaction(({ log }) =>
      log.insertEntries(data.map((bytes, index) => ({ index, data: bytes, labels: [] }))),
    )

    expect(await store.log.entries(0, 99)).toEqual(data)
    expect(await store.log.entries(1, 3)).toEqual(data.slice(1, 3))
  })

  test('bytes come back as plain Uint8Array', async () => {
    const store = await openEmpty()
    await store.transaction((records) => appendEntries(records, [[]]))
    const [entry] = await store.log.entries(0, 1)
    const { root } = await store.log.head()

    // A Buffer's slice() shares memory where Uint8Array's copies.
    expect([entry, root].map((bytes) => bytes?.constructor)).toEqual([Uint8Array, Uint8Array])
  })

  test('entries are found by label, newest first, a page at a time', async () => {
    const store = await openEmpty()
    const labels = Array.from({ length: 10 }, (_, index) => [
      'type:state',
      index % 2 === 0 ? 'state:even' : 'digest:odd',
      'type:state',
    ])
    await store.transaction((records) => appendEntries(records, labels))

    for (const [label, found] of [
      ['state:even', [8, 6, 4, 2, 0]],
      ['digest:odd', [9, 7, 5, 3, 1]],
    ] as const) {
      const first = await store.log.find(label, { limit: 3 })
      const second = await store.log.find(label, { limit: 3, before: first.at(-1) ?? 0 })
      expect([...first, ...second]).toEqual(found)
      expect(first).toHaveLength(3)
    }
    expect(await store.log.find('type:state', { limit: 100 })).toHaveLength(10)
    expect(await store.log.find('state:none', { limit: 100 })).toEqual([])
  })

  test('entries with a frequent label are found by the block they are in', async () => {
    const store = await openEmpty()
    const labels = Array.from({ length: 200 }, (_, index) => [
      'type:signature',
      index < 64 ? 'kid:old' : 'kid:new',
    ])
    // Groups of their own: the second adds to blocks that have the label.
    await store.transaction((records) => appendEntries(records, labels.slice(0, 100)))
    await store.transaction((records) => appendEntries(records, labels.slice(100)))

    const find = (label: string, before?: number): Promise<readonly number[]> =>
      store.log.find(label, { limit: 100, ...(before !== undefined && { before }) })
    expect(await find('kid:old')).toEqual([0])
    expect(await find('kid:new')).toEqual([192, 128, 64])
    expect(await find('type:signature')).toEqual([192, 128, 64, 0])
    expect(await find('type:signature', 128)).toEqual([64, 0])
    expect(await find('kid:none')).toEqual([])
  })

  test('entries are found however far they are apart, newest first', async () => {
    const store = await openEmpty()
    const places = [0, 262_143, 262_144, 900_000]
    const labels = ['state:a', 'digest:a', 'type:token']
    await store.transaction(async ({ log }) => {
      const head = await log.lockHead()
      const data = Uint8Array.of(1)
      await log.insertEntries(places.map((index) => ({ index, data, labels })))
      await log.putHead({ ...head, size: 1_000_000 })
    })

    const find = (label: string, options: { limit: number; before?: number }) =>
      store.log.find(label, options)
    for (const label of ['state:a', 'digest:a']) {
      expect(await find(label, { limit: 9 })).toEqual(places.toReversed())
      expect(await find(label, { limit: 2 })).toEqual([900_000, 262_144])
      expect(await find(label, { limit: 9, before: 262_144 })).toEqual([262_143, 0])
      expect(await find(label, { limit: 9, before: 0 })).toEqual([])
    }
    expect(await find('type:token', { limit: 9 })).toEqual([899_968, 262_144, 262_080, 0])
  })

  test('labels may hold any text, of any length', async () => {
    const store = await openEmpty()
    const labels = ['jti:\u0000', `digest:${'a'.repeat(10_000)}`, 'jti:\ud800', "jti:'; --"]
    await store.transaction((records) => appendEntries(records, [labels]))

    const found = await Promise.all(labels.map((label) => store.log.find(label, { limit: 2 })))

    expect(found).toEqual(labels.map(() => [0]))
  })

  test('a group of some hundred entries with labels is one transaction', async () => {
    const store = await openEmpty()
    const labels = Array.from({ length: 701 }, (_, index) => [`jti:${index}`, 'type:token', 'a'])

    await store.transaction((records) => appendEntries(records, labels))

    expect(await store.log.entries(0, 1000)).toHaveLength(701)
    expect(await store.log.find('jti:700', { limit: 1 })).toEqual([700])
    expect(await store.log.find('type:token', { limit: 1000 })).toHaveLength(11)
  })
}

function testTilesAndCheckpoints(openEmpty: OpenEmpty): void {
  test('a tile is written over what was there', async () => {
    const store = await openEmpty()
    const put = (index: number, fill: number, hashes: number): Promise<void> =>
      store.transaction(({ log }) =>
        log.putTiles([{ level: 1, index, hashes: new Uint8Array(32 * hashes).fill(fill) }]),
      )
    await put(0, 1, 1)
    await put(0, 2, 2)
    await put(7, 3, 1)

    expect(await store.log.tile(1, 0)).toEqual(new Uint8Array(64).fill(2))
    expect(await store.log.tile(1, 7)).toEqual(new Uint8Array(32).fill(3))
    expect(await store.log.tile(0, 0)).toBeUndefined()
  })

  test('of two contents for one tile in one call the last counts', async () => {
    const store = await openEmpty()
    const tiles = [1, 2].map((fill) => ({
      level: 0,
      index: 0,
      hashes: new Uint8Array(32).fill(fill),
    }))
    await store.transaction(({ log }) => log.putTiles(tiles))
    await store.transaction(({ log }) => log.putTiles([]))

    expect(await store.log.tile(0, 0)).toEqual(new Uint8Array(32).fill(2))
  })

  test('a checkpoint is kept unless a larger or equal one is there, until it is dropped', async () => {
    const store = await openEmpty()
    const put = (size: number, note: string): Promise<boolean> =>
      store.transaction(({ log }) => log.putCheckpoint({ size, note }))

    const kept = [await put(5, 'a'), await put(5, 'b'), await put(4, 'c'), await put(6, 'd')]

    expect(kept).toEqual([true, false, false, true])
    expect(await store.log.checkpoint()).toEqual({ size: 6, note: 'd' })
    await store.transaction(({ log }) => log.dropCheckpoint())
    expect(await store.log.checkpoint()).toBeUndefined()
  })
}

function testCosignedCheckpoints(openEmpty: OpenEmpty): void {
  test('cosignatures replace the checkpoint of their size, and none of a larger tree', async () => {
    const store = await openEmpty()
    const put = (size: number, note: string): Promise<void> =>
      store.transaction(({ log }) => log.putCosigned({ size, note }, false))
    await store.transaction(({ log }) => log.putCheckpoint({ size: 5, note: 'signed' }))

    await put(5, 'cosigned')
    expect(await store.log.checkpoint()).toEqual({ size: 5, note: 'cosigned' })
    await put(4, 'late')
    expect(await store.log.checkpoint()).toEqual({ size: 5, note: 'cosigned' })
    await put(6, 'ahead')
    expect(await store.log.checkpoint()).toEqual({ size: 6, note: 'ahead' })
    expect(await store.log.witnessed()).toBeUndefined()
  })

  test('the newest checkpoint that the quorum cosigned stays beside newer ones until it is dropped', async () => {
    const store = await openEmpty()
    const put = (size: number, note: string, isWitnessed: boolean): Promise<void> =>
      store.transaction(({ log }) => log.putCosigned({ size, note }, isWitnessed))

    await put(5, 'quorum', true)
    await put(5, 'fewer', false)
    await store.transaction(({ log }) => log.putCheckpoint({ size: 7, note: 'signed' }))
    await put(4, 'late quorum', true)

    expect(await store.log.witnessed()).toEqual({ size: 5, note: 'quorum' })
    expect(await store.log.checkpoint()).toEqual({ size: 7, note: 'signed' })
    await put(6, 'later quorum', true)
    expect(await store.log.witnessed()).toEqual({ size: 6, note: 'later quorum' })
    expect(await store.log.checkpoint()).toEqual({ size: 7, note: 'signed' })
    await store.transaction(({ log }) => log.dropCheckpoint())
    expect(await store.log.witnessed()).toBeUndefined()
  })

  test('cosignatures of one log are none of the other', async () => {
    const store = await openEmpty()
    await store.transaction(async ({ log, transparencyLog }) => {
      await log.putCosigned({ size: 1, note: 'audit' }, true)
      await transparencyLog.putCosigned({ size: 2, note: 'public' }, true)
      await log.dropCheckpoint()
    })

    expect(await store.log.witnessed()).toBeUndefined()
    expect(await store.transparencyLog.witnessed()).toEqual({ size: 2, note: 'public' })
    expect(await store.transparencyLog.checkpoint()).toEqual({ size: 2, note: 'public' })
  })

  test('cosignatures that are rolled back are not kept', async () => {
    const store = await openEmpty()
    const undone = store.transaction(async ({ log }) => {
      await log.putCosigned({ size: 5, note: 'cosigned' }, true)
      throw new Error('on purpose')
    })

    await expect(undone).rejects.toThrow('on purpose')
    expect(await store.log.checkpoint()).toBeUndefined()
    expect(await store.log.witnessed()).toBeUndefined()
  })
}

function testTwoLogs(openEmpty: OpenEmpty): void {
  test('neither log has anything of the other', async () => {
    const store = await openEmpty()
    const hashes = new Uint8Array(32).fill(1)
    await store.transaction(async ({ log, transparencyLog }) => {
      const head = await log.lockHead()
      for (const [records, name] of [
        [log, 'audit'],
        [transparencyLog, 'public'],
        [transparencyLog, 'public'],
      ] as const) {
        const { size } = await records.head()
        const data = Buffer.from(`${name} ${size}`)
        await records.insertEntries([{ index: size, data, labels: [name] }])
        await records.putTiles([{ level: size, index: 0, hashes }])
        await records.putHead({ ...head, size: size + 1, root: hashes.map(() => size) })
        await records.putCheckpoint({ size: size + 1, note: name })
      }
    })

    const seen = [store.log, store.transparencyLog].map(async (log) => ({
      sizes: (await log.head()).size,
      entries: (await log.entries(0, 9)).map((data) => Buffer.from(data).toString()),
      labels: [await log.find('audit', { limit: 9 }), await log.find('public', { limit: 9 })],
      tiles: [await log.tile(0, 0), await log.tile(1, 0)].map((tile) => tile !== undefined),
      checkpoint: await log.checkpoint(),
    }))

    expect(await Promise.all(seen)).toEqual([
      {
        sizes: 1,
        entries: ['audit 0'],
        labels: [[0], []],
        tiles: [true, false],
        checkpoint: { size: 1, note: 'audit' },
      },
      {
        sizes: 2,
        entries: ['public 0', 'public 1'],
        labels: [[], [1, 0]],
        tiles: [true, true],
        checkpoint: { size: 2, note: 'public' },
      },
    ])
  })

  test('dropping the checkpoint of one log leaves that of the other', async () => {
    const store = await openEmpty()
    await store.transaction(async ({ log, transparencyLog }) => {
      await log.putCheckpoint({ size: 1, note: 'audit' })
      await transparencyLog.putCheckpoint({ size: 2, note: 'public' })
      await transparencyLog.dropCheckpoint()
    })

    expect(await store.log.checkpoint()).toEqual({ size: 1, note: 'audit' })
    expect(await store.transparencyLog.checkpoint()).toBeUndefined()
  })
}
