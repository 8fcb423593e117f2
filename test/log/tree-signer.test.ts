import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { logKeyId, logVerifierKey } from '../../src/formats/note-key.ts'
import { appendEntries } from '../../src/log/append.ts'
import { EMPTY_ROOT, leafHash, nodeHash } from '../../src/crypto/merkle.ts'
import { treeRoot } from '../../src/log/proofs.ts'
import { tileLevels, tileWidth } from '../../src/log/tiles.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import { codeOfAsync } from '../support/errors.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { LOG_KEY, LOG_ORIGIN, signatureEntries, testTreeSigner } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const signerOf = (name: string, earlier?: string): TreeSigner =>
  new TreeSigner({
    origin: LOG_ORIGIN,
    openKeys: () =>
      Promise.resolve({
        signer: testSigner('EdDSA', name),
        earlier: earlier === undefined ? undefined : [testSigner('EdDSA', earlier).key],
      }),
  })

async function logOf(size: number, from = 0): Promise<MemoryLog> {
  const log = new MemoryLog()
  await log.transaction((records) => appendEntries(records, signatureEntries(size, from)))
  return log
}

async function grow(log: MemoryLog, count: number): Promise<void> {
  const { size } = await log.log.head()
  await log.transaction((records) => appendEntries(records, signatureEntries(count, size)))
}

/** Signs the tree as it is, and keeps the checkpoint where others find it. */
async function publish(log: MemoryLog, signer: TreeSigner): Promise<void> {
  const { size, note } = await signer.sign(await signer.readHead(log.log))
  await log.transaction((records) => records.log.putCheckpoint({ size, note }))
}

test('a checkpoint covers the head and is signed by the key of its id', async () => {
  const log = await logOf(7)
  const signer = testTreeSigner(LOG_ORIGIN)
  const { keyId, note, size } = await signer.sign(await signer.readHead(log.log))
  const { root } = await log.log.head()

  expect(openCheckpoint(Buffer.from(note), { keys: [LOG_KEY] })).toEqual({
    origin: LOG_ORIGIN,
    extensions: [],
    size: 7,
    root,
  })
  expect(size).toBe(7)
  expect(keyId).toEqual(logKeyId(LOG_ORIGIN, testSigner('EdDSA', 'log').key))
  expect(Buffer.from(keyId).subarray(0, 4)).toEqual(Buffer.from(LOG_KEY.id))
})

test('a tree that was signed or seen is recognized by its size and reads no tile again', async () => {
  const log = await logOf(7)
  const signer = testTreeSigner(LOG_ORIGIN)
  expect(signer.hasSeen({ size: 7 })).toBe(false)
  await signer.readHead(log.log)
  expect(signer.hasSeen({ size: 7 })).toBe(true)

  const withoutTiles = { ...log.log, tile: () => Promise.reject(new Error('read again')) }
  expect(await signer.readHead(withoutTiles)).toMatchObject({ size: 7 })
})

test('a grown tree continues, also after another replica signed part of it', async () => {
  const log = await logOf(7)
  const [one, two] = [testTreeSigner(LOG_ORIGIN), testTreeSigner(LOG_ORIGIN)]
  await publish(log, one)
  await grow(log, 300)
  await publish(log, two)
  await grow(log, 1)

  expect(await one.readHead(log.log)).toMatchObject({ size: 308 })
})

test('a tree signed while the head is read is not reported as a shrunken log', async () => {
  const log = await logOf(7)
  const signer = testTreeSigner(LOG_ORIGIN)
  await publish(log, signer)
  await grow(log, 1)
  const busy = {
    ...log.log,
    head: async () => {
      const head = await log.log.head()
      await grow(log, 5)
      await publish(log, signer)
      return head
    },
  }

  expect(await signer.readHead(busy)).toMatchObject({ size: 13 })
})

test('a tree that shrank is not read, whatever the database records as signed', async () => {
  const [log, shorter] = [await logOf(7), await logOf(5)]
  const signer = testTreeSigner(LOG_ORIGIN)
  await signer.sign(await signer.readHead(log.log))

  await expect(signer.readHead(shorter.log)).rejects.toMatchObject({
    code: 'ERR_LOG_PROOF_INVALID',
    details: { before: 7, now: 5 },
  })
})

test.each([7, 9, 300])(
  'a tree of %i entries that differs from the signed one is not read',
  async (size) => {
    const [log, another] = [await logOf(7), await logOf(size, 100)]
    const signer = testTreeSigner(LOG_ORIGIN)
    await signer.sign(await signer.readHead(log.log))

    expect(await codeOfAsync(() => signer.readHead(another.log))).toBe('ERR_LOG_PROOF_INVALID')
  },
)

test('after a restart a tree continues the stored checkpoint of a known key', async () => {
  const log = await logOf(7)
  await publish(log, signerOf('log'))
  const forged = await logOf(9, 100)
  const checkpoint = await log.log.checkpoint()
  forged.tamper((state) => {
    state.checkpoint = checkpoint
  })
  await grow(log, 2)

  expect(await codeOfAsync(() => signerOf('log').readHead(log.log))).toBe('accepted')
  expect(await codeOfAsync(() => signerOf('next', 'log').readHead(log.log))).toBe('accepted')
  expect(await codeOfAsync(() => signerOf('next').readHead(log.log))).toBe('ERR_NOTE_INVALID')
  expect(await codeOfAsync(() => signerOf('log').readHead(forged.log))).toBe(
    'ERR_LOG_PROOF_INVALID',
  )
})

test('a root that the tiles do not lead to is not read', async () => {
  const log = await logOf(7)
  log.tamper((state) => {
    state.head = { ...state.head, root: EMPTY_ROOT }
  })

  expect(await codeOfAsync(() => testTreeSigner(LOG_ORIGIN).readHead(log.log))).toBe(
    'ERR_LOG_PROOF_INVALID',
  )
})

test('only Ed25519 signs a log', async () => {
  const log = await logOf(1)
  const signer = new TreeSigner({
    origin: LOG_ORIGIN,
    openKeys: () => Promise.resolve({ signer: testSigner('ES256') }),
  })
  const head = await signer.readHead(log.log)

  expect(await codeOfAsync(() => signer.sign(head))).toBe('ERR_ALGORITHM_UNSUPPORTED')
})

test('the name of a log is in its checkpoint, so one log does not pass as the other', async () => {
  const log = await logOf(1)
  await publish(log, testTreeSigner('log.example'))
  const { note } = (await log.log.checkpoint()) ?? { note: '' }
  const audit = logVerifierKey('log.example/audit', testSigner('EdDSA', 'log').key)

  expect(
    await codeOfAsync(() => Promise.resolve(openCheckpoint(Buffer.from(note), { keys: [audit] }))),
  ).toBe('ERR_NOTE_INVALID')
  expect(await codeOfAsync(() => testTreeSigner('log.example/audit').readHead(log.log))).toBe(
    'ERR_NOTE_INVALID',
  )
})

/** A log of equal leaves, of any size: every node of a level is the same, so none need be stored. */
class EqualLeaves {
  size = 0
  reads = 0

  readonly log = {
    head: async () => {
      const root = await treeRoot(this.size, (level) => Promise.resolve(EqualLeaves.#node(level)))
      return { size: this.size, root, latest: undefined }
    },
    checkpoint: () => Promise.resolve(undefined),
    tile: (level: number, index: number) => {
      this.reads += 1
      const width = tileWidth(this.size, level, index)
      return Promise.resolve(
        Buffer.concat(Array<Uint8Array>(width).fill(EqualLeaves.#node(8 * level))),
      )
    },
  }

  static #node(level: number): Uint8Array {
    if (level === 0) return leafHash(Buffer.from('a leaf'))
    const below = EqualLeaves.#node(level - 1)
    return nodeHash(below, below)
  }
}

test('a log grown by other replicas is read in two tiles a level, whatever its length and growth', async () => {
  const size = fc.integer({ min: 1, max: 1_000_000_000 })
  await fc.assert(
    fc.asyncProperty(size, size, async (one, another) => {
      const equal = new EqualLeaves()
      const signer = testTreeSigner(LOG_ORIGIN)
      equal.size = Math.min(one, another)
      await signer.readHead(equal.log)
      expect(equal.reads).toBeLessThanOrEqual(tileLevels(equal.size))

      equal.reads = 0
      equal.size = Math.max(one, another)
      await signer.readHead(equal.log)
      expect(equal.reads).toBeLessThanOrEqual(2 * tileLevels(equal.size))
    }),
  )
})
