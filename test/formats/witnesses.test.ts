import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cosignedMessage,
  readCosignature,
  serializeCosignature,
} from '../../src/formats/cosignature.ts'
import { type NoteKey, logVerifierKey, witnessVerifierKey } from '../../src/formats/note-key.ts'
import { parseSignedNote, serializeSignedNote } from '../../src/formats/signed-note.ts'
import { assertWitnessed, readWitnessKeys, readCosignatures } from '../../src/formats/witnesses.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const TEXT = `log.example\n7\n${Buffer.alloc(32, 7).toString('base64')}\n`
const log = testSigner('EdDSA', 'log')
const LOG = logVerifierKey('log.example', log.key)
const NAMES = ['one', 'two', 'three'] as const
const signers = NAMES.map((name) => testSigner('EdDSA', `witness ${name}`))
const keys = NAMES.map((name, index) =>
  witnessVerifierKey(`witness.example/${name}`, (signers[index] ?? log).key),
)

async function line(witness: number, { text = TEXT, time = 1_700_000_000 } = {}) {
  const { name, id } = keys[witness] ?? LOG
  const signer = signers[witness] ?? log
  const signature = await signer.sign(cosignedMessage(time, Buffer.from(text)))
  return { name, id, signature: serializeCosignature({ time, signature }) }
}

async function note(...lines: readonly Awaited<ReturnType<typeof line>>[]): Promise<Uint8Array> {
  const signature = await log.sign(Buffer.from(TEXT))
  const signatures = [{ name: LOG.name, id: LOG.id, signature }, ...lines]
  return Buffer.from(serializeSignedNote({ text: TEXT, signatures }))
}

const count = (signed: Uint8Array, witnesses: readonly NoteKey[] = keys): number =>
  readCosignatures(parseSignedNote(signed), witnesses).length

test('a cosignature is read back as it was written', () => {
  const time = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })
  fc.assert(
    fc.property(time, signature, (time, signature) => {
      const read = readCosignature(serializeCosignature({ time, signature }))

      expect(read?.time).toBe(time)
      expect(Buffer.from(read?.signature ?? []).equals(signature)).toBe(true)
    }),
  )
})

test('a cosignature of another length, without a time or of an impossible time is not accepted', () => {
  const lengths = fc.integer({ min: 0, max: 200 }).filter((length) => length !== 72)
  fc.assert(
    fc.property(lengths, (length) => {
      expect(readCosignature(new Uint8Array(length).fill(1, 7))).toBeUndefined()
    }),
  )

  expect(readCosignature(new Uint8Array(72))).toBeUndefined()
  expect(readCosignature(new Uint8Array(72).fill(255, 0, 8))).toBeUndefined()
})

test('cosignatures of different witnesses are counted, and none of the log itself', async () => {
  const signed = await note(await line(0), await line(2))
  const found = readCosignatures(parseSignedNote(signed), keys)

  expect(found.map(({ witness }) => witness)).toStrictEqual([keys[0], keys[2]])
  expect(found[0]?.time).toStrictEqual(new Date(1_700_000_000_000))
  expect(count(await note())).toBe(0)
})

test('one witness counts once, however often it cosigned, with its newest time', async () => {
  const signed = await note(await line(0, { time: 9 }), await line(0, { time: 5 }))
  const [first, ...others] = readCosignatures(parseSignedNote(signed), keys)

  expect(first?.time).toStrictEqual(new Date(9000))
  expect(others).toStrictEqual([])
})

test('a witness that is not trusted does not count', async () => {
  expect(count(await note(await line(0), await line(1)), keys.slice(1))).toBe(1)
})

test('a cosignature over another checkpoint, or with another time, makes the note invalid', async () => {
  const other = await line(0, { text: TEXT.replace('\n7\n', '\n8\n') })
  const late = await line(0)
  late.signature[7] = (late.signature[7] ?? 0) ^ 1

  for (const forged of [other, late]) {
    const signed = parseSignedNote(await note(forged))

    expect(codeOf(() => readCosignatures(signed, keys))).toBe('ERR_NOTE_INVALID')
    expect(readCosignatures(signed, keys.slice(1))).toStrictEqual([])
  }
})

test('a note that is not a checkpoint has no cosignatures', () => {
  const signatures = [{ name: 'a', id: new Uint8Array(4), signature: new Uint8Array(64) }]
  for (const text of ['a text\n', `${TEXT}\nmore\n`]) {
    const signed = parseSignedNote(Buffer.from(serializeSignedNote({ text, signatures })))

    expect(codeOf(() => readCosignatures(signed, keys))).toBe('ERR_NOTE_INVALID')
  }
})

test('a demand is met by as many witnesses as it names, and by no fewer', async () => {
  const signed = await note(await line(0), await line(1))

  expect(assertWitnessed(signed, { keys, count: 2 })).toHaveLength(2)
  expect(codeOf(() => assertWitnessed(signed, { keys, count: 3 }))).toBe('ERR_WITNESS_MISSING')
})

test('a key of a witness is of cosignatures, and no key pair is named twice', () => {
  const [first = LOG] = keys
  const renamed = witnessVerifierKey('other.example', first.key)

  expect(readWitnessKeys(keys.map(({ vkey }) => vkey))).toHaveLength(3)
  expect(codeOf(() => readWitnessKeys([LOG.vkey]))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => readWitnessKeys([first.vkey, first.vkey]))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => readWitnessKeys([first.vkey, renamed.vkey]))).toBe('ERR_NOTE_INVALID')
})
