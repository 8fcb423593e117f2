import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  openCheckpoint,
  parseCheckpoint,
  serializeCheckpoint,
} from '../../src/formats/checkpoint.ts'
import { logVerifierKey, parseNoteKey } from '../../src/formats/note-key.ts'
import { serializeSignedNote } from '../../src/formats/signed-note.ts'
import { codeOf } from '../support/errors.ts'
import { plain } from '../support/plain.ts'
import { testSigner } from '../support/signers.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

const signer = testSigner('EdDSA', 'log')
const key = logVerifierKey('log.example/1', signer.key)
const root = Buffer.alloc(32, 7)

async function signCheckpoint(text: string): Promise<Uint8Array> {
  const signature = await signer.sign(Buffer.from(text))
  const signatures = [{ name: key.name, id: key.id, signature }]
  return Buffer.from(serializeSignedNote({ text, signatures }))
}

test('a checkpoint is read back as it was written', () => {
  const line = fc.string({ minLength: 1 })
  const checkpoints = fc.record({
    origin: line,
    size: fc.maxSafeNat(),
    root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    extensions: fc.array(line),
  })
  fc.assert(
    fc.property(checkpoints, (checkpoint) => {
      const text = serializeCheckpoint(checkpoint)

      expect(plain(parseCheckpoint(text))).toStrictEqual(plain(checkpoint))
    }),
  )
})

test.each(['01', '+1', '-1', '1.0', '1e3', ' 1', '', '9007199254740992'])(
  'a checkpoint of size "%s" is refused',
  (size) => {
    const text = `log.example/1\n${size}\n${root.toString('base64')}\n`

    expect(codeOf(() => parseCheckpoint(text))).toBe('ERR_NOTE_INVALID')
  },
)

test('a root that is not base64 in its one form, or no line, is refused', () => {
  for (const base64 of ['', '!', 'Bwc', 'Bw==x', 'BwcH']) {
    expect(codeOf(() => parseCheckpoint(`log.example/1\n1\n${base64}`))).toBe('ERR_NOTE_INVALID')
  }
})

test('a signed checkpoint of the log opens, with lines that others added', async () => {
  const text = `log.example/1\n12\n${root.toString('base64')}\nseen by a witness\n`
  const checkpoint = openCheckpoint(await signCheckpoint(text), { keys: [key] })

  expect(plain(checkpoint)).toStrictEqual(
    plain({ origin: 'log.example/1', size: 12, root, extensions: ['seen by a witness'] }),
  )
})

test('a checkpoint of another log does not open, though the key is right', async () => {
  const note = await signCheckpoint(`log.example/2\n12\n${root.toString('base64')}\n`)

  expect(codeOf(() => openCheckpoint(note, { keys: [key] }))).toBe('ERR_NOTE_INVALID')
  expect(openCheckpoint(note, { keys: [key], origin: 'log.example/2' }).size).toBe(12)
})

interface Cases {
  readonly notes: readonly {
    readonly id: string
    readonly note_b64: string
    readonly expect: string
    readonly origin?: string
    readonly log_key?: string
    readonly vkeys: readonly string[]
  }[]
  readonly checkpoint_bodies: readonly {
    readonly id: string
    readonly body: string
    readonly expect: string
    readonly origin?: string
    readonly size?: number
    readonly hash_b64?: string
    readonly rest?: string
  }[]
}

describeVectors('signed-notes', () => {
  const { notes, checkpoint_bodies } = readVectorJson<Cases>('signed-notes/cases.json')

  describe('checkpoints', () => {
    test.each(notes.filter(({ origin }) => origin !== undefined))('$id', (given) => {
      const note = Buffer.from(given.note_b64, 'base64')
      const keys = [parseNoteKey(given.log_key ?? '')]
      const code = codeOf(() => openCheckpoint(note, { keys, origin: given.origin }))

      expect(code).toBe(given.expect === 'pass' ? 'accepted' : 'ERR_NOTE_INVALID')
    })
  })

  describe('texts', () => {
    test.each(checkpoint_bodies)('$id', (given) => {
      if (given.expect === 'fail') {
        expect(codeOf(() => parseCheckpoint(given.body))).toBe('ERR_NOTE_INVALID')
        return
      }
      const checkpoint = parseCheckpoint(given.body)

      expect(checkpoint.origin).toBe(given.origin)
      expect(checkpoint.size).toBe(given.size)
      expect(Buffer.from(checkpoint.root).toString('base64')).toBe(given.hash_b64)
      expect(checkpoint.extensions.map((line) => `${line}\n`).join('')).toBe(given.rest)
    })
  })
})
