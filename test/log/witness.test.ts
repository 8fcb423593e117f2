import { describe, expect, test } from 'vitest'
import { serializeAddCheckpoint } from '../../src/formats/add-checkpoint.ts'
import { serializeCheckpoint } from '../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { serializeSignedNote } from '../../src/formats/signed-note.ts'
import { assertWitnessed } from '../../src/formats/witnesses.ts'
import type { StoredCheckpoint } from '../../src/log/log-records.ts'
import { Witness } from '../../src/log/witness.ts'
import { openWitnessState } from '../../src/store/witness-state.ts'
import { codeOf } from '../support/errors.ts'
import type { MemoryLog } from '../support/memory-log.ts'
import {
  appendSigned,
  createSignedLog,
  LOG_KEY,
  LOG_ORIGIN,
  signatureEntries,
} from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { askFor, startTestWitness, type TestWitness } from '../support/witness.ts'

const LOG_SIGNER = testSigner('EdDSA', 'log')

async function newest(log: MemoryLog): Promise<StoredCheckpoint> {
  const checkpoint = await log.log.checkpoint()
  return checkpoint ?? { size: 0, note: '' }
}

interface Scene {
  readonly log: MemoryLog
  readonly witness: TestWitness
}

async function startScene(entries = 5): Promise<Scene> {
  return {
    log: await createSignedLog(signatureEntries(entries)),
    witness: await startTestWitness({ logs: [LOG_KEY] }),
  }
}

async function offer({ log, witness }: Scene, oldSize: number) {
  return witness.witness.addCheckpoint(await askFor(log.log, await newest(log), oldSize))
}

/** A checkpoint that the log's key signs, of whatever it is given. */
async function signed(
  size: number,
  root: Uint8Array,
  { origin = LOG_ORIGIN, extensions = [] as readonly string[] } = {},
): Promise<Uint8Array> {
  const text = serializeCheckpoint({ origin, size, root, extensions })
  const signature = await LOG_SIGNER.sign(Buffer.from(text))
  const { name, id } = LOG_KEY
  return Buffer.from(serializeSignedNote({ text, signatures: [{ name, id, signature }] }))
}

test('the first checkpoint of a log is cosigned, and each that continues it', async () => {
  const scene = await startScene()
  const { log, witness } = scene
  const first = await offer(scene, 0)
  await appendSigned(log, signatureEntries(300, 5))
  const second = await offer(scene, 5)

  expect([first.status, second.status]).toStrictEqual([200, 200])
  const { note } = await newest(log)
  const lines = second.status === 200 ? second.lines : ''
  const demand = { keys: [witness.key], count: 1 }
  expect(assertWitnessed(Buffer.from(`${note}${lines}`), demand)).toHaveLength(1)
})

test('the same checkpoint is cosigned again', async () => {
  const scene = await startScene()
  await offer(scene, 0)

  expect(await offer(scene, 5)).toMatchObject({ status: 200 })
})

test('another old size than the one cosigned last is answered with that one', async () => {
  const scene = await startScene()

  expect(await offer(scene, 3)).toStrictEqual({ status: 409, size: 0 })
  await offer(scene, 0)
  await appendSigned(scene.log, signatureEntries(4, 5))
  expect(await offer(scene, 0)).toStrictEqual({ status: 409, size: 5 })
})

test('a tree that does not continue the one cosigned last is never cosigned', async () => {
  const scene = await startScene()
  await offer(scene, 0)
  const fork = await createSignedLog(signatureEntries(9, 100))
  const same = await createSignedLog(signatureEntries(5, 100))
  const { witness } = scene.witness

  const forked = await askFor(fork.log, await newest(fork), 5)
  const equal = await askFor(same.log, await newest(same), 5)
  expect(await witness.addCheckpoint(forked)).toMatchObject({ status: 422 })
  expect(await witness.addCheckpoint(equal)).toMatchObject({ status: 409 })
  expect((await witness.newest(LOG_ORIGIN))?.split('\n')[1]).toBe('5')
})

test('a smaller tree is not cosigned, though the larger one continues it', async () => {
  const scene = await startScene()
  const smaller = await askFor(scene.log.log, await newest(scene.log), 0)
  await appendSigned(scene.log, signatureEntries(4, 5))
  await offer(scene, 0)
  const backwards = await askFor(scene.log.log, await newest(scene.log), 10)
  const { witness } = scene.witness

  expect(await witness.addCheckpoint(smaller)).toStrictEqual({ status: 409, size: 9 })
  expect(await witness.addCheckpoint(backwards)).toMatchObject({ status: 400 })
})

test('of two requests at once for trees that contradict each other one is cosigned', async () => {
  const { witness } = await startTestWitness({ logs: [LOG_KEY] })
  const one = await createSignedLog(signatureEntries(5))
  const other = await createSignedLog(signatureEntries(7, 100))
  const answers = await Promise.all(
    [one, other].map(async (log) =>
      witness.addCheckpoint(await askFor(log.log, await newest(log), 0)),
    ),
  )

  expect(answers.map(({ status }) => status).toSorted()).toStrictEqual([200, 409])
})

test('what was cosigned is remembered after a restart', async () => {
  const folder = createTempFolder()
  const log = await createSignedLog(signatureEntries(5))
  const first = await startTestWitness({ logs: [LOG_KEY], folder })
  await offer({ log, witness: first }, 0)
  await first[Symbol.asyncDispose]()
  const second = await startTestWitness({ logs: [LOG_KEY], folder })

  expect(await offer({ log, witness: second }, 0)).toStrictEqual({ status: 409, size: 5 })
  expect(await offer({ log, witness: second }, 5)).toMatchObject({ status: 200 })
})

test('a cosignature that could not be remembered is not handed out', async () => {
  const log = await createSignedLog(signatureEntries(5))
  const full = new Error('the disk is full')
  const state = {
    read: () => Promise.resolve(undefined),
    replace: () => Promise.reject(full),
  }
  const signer = testSigner('EdDSA', 'witness')
  const options = { name: 'witness.example/1', signer, logs: [LOG_KEY], now: () => new Date() }
  const witness = new Witness({ ...options, state })

  await expect(witness.addCheckpoint(await askFor(log.log, await newest(log), 0))).rejects.toBe(
    full,
  )
})

test('one process has a state at a time', async () => {
  const folder = createTempFolder()
  using state = await openWitnessState(folder)

  await expect(openWitnessState(folder)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  expect(await state.read(LOG_ORIGIN)).toBeUndefined()
})

describe('a request is refused', () => {
  const root = Buffer.alloc(32, 7)
  const ask = async (note: Uint8Array, oldSize = 0, proof: readonly Uint8Array[] = []) => {
    const { witness } = await startTestWitness({ logs: [LOG_KEY] })
    const { status } = await witness.addCheckpoint(serializeAddCheckpoint({ oldSize, proof, note }))
    return status
  }

  test('as malformed, where it is not of its one form', async () => {
    expect(await ask(Buffer.from('no note'))).toBe(400)
    expect(await ask(await signed(5, Buffer.alloc(20, 7)))).toBe(400)
    expect(await ask(await signed(5, root, { extensions: ['', 'more'] }))).toBe(400)
  })

  test('of a log that is not known', async () => {
    expect(await ask(await signed(5, root, { origin: 'other.example' }))).toBe(404)
  })

  test('without a signature of the log, or with one that fails', async () => {
    const note = (await signed(5, root)).toString()
    const other = logVerifierKey(LOG_ORIGIN, testSigner('EdDSA', 'other').key)
    const unknown = new Witness({
      ...{ name: 'w', signer: testSigner('EdDSA', 'w'), logs: [other], now: () => new Date() },
      state: { read: () => Promise.resolve(undefined), replace: () => Promise.resolve(true) },
    })
    const body = serializeAddCheckpoint({ oldSize: 0, proof: [], note: Buffer.from(note) })

    expect(await unknown.addCheckpoint(body)).toMatchObject({ status: 403 })
    expect(await ask(Buffer.from(note.replace('\n5\n', '\n6\n')))).toBe(403)
  })

  test('with a proof where none belongs, or with an empty tree of another root', async () => {
    expect(await ask(await signed(5, root), 0, [root])).toBe(422)
    expect(await ask(await signed(0, root))).toBe(409)
  })
})

test('a witness cosigns for logs alone, and not for itself', () => {
  const signer = testSigner('EdDSA', 'witness')
  const own = logVerifierKey('log.example', signer.key)
  const state = { read: () => Promise.resolve(undefined), replace: () => Promise.resolve(true) }
  const options = { name: 'w', signer, state, now: () => new Date() }
  const { key } = new Witness({ ...options, logs: [LOG_KEY] })

  expect(codeOf(() => new Witness({ ...options, logs: [own] }))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => new Witness({ ...options, logs: [key] }))).toBe('ERR_NOTE_INVALID')
})
