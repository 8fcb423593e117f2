import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logVerifierKey, parseNoteKey } from '../../src/formats/note-key.ts'
import {
  parseSignedNote,
  serializeSignedNote,
  verifySignedNote,
} from '../../src/formats/signed-note.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

const signer = testSigner('EdDSA', 'log')
const key = logVerifierKey('log.example/1', signer.key)

async function signText(text: string): Promise<string> {
  const signature = await signer.sign(Buffer.from(text))
  return serializeSignedNote({ text, signatures: [{ name: key.name, id: key.id, signature }] })
}

const open = (note: string, keys = [key]): string =>
  verifySignedNote(parseSignedNote(Buffer.from(note)), keys).text

test('a note is read back as it was written', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', '—', 'é', '+', '🔒') })
  const signature = fc.record({
    name: fc.constantFrom('a', 'log.example/1', 'Ærø'),
    id: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
  })
  const signatures = fc.array(signature, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), signatures, (lines, signed) => {
      const note = { text: `${lines.join('\n')}\n`, signatures: signed }
      const written = serializeSignedNote(note)

      expect(serializeSignedNote(parseSignedNote(Buffer.from(written)))).toBe(written)
    }),
  )
})

test('parsing a note fails with no other error than that it is malformed', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\n', '— ', 'a', ' ', 'AAAAAAA=') }), (text) => {
      const code = codeOf(() => parseSignedNote(Buffer.from(text)))

      expect(['accepted', 'ERR_NOTE_INVALID']).toContain(code)
    }),
  )
})

test('every single byte of a note counts', async () => {
  const note = Buffer.from(await signText('one\ntwo\n'))
  for (let at = 0; at < note.length; at += 1) {
    const changed = Buffer.from(note)
    changed[at] = (changed[at] ?? 0) ^ 1

    expect(codeOf(() => open(changed.toString('latin1')))).toBe('ERR_NOTE_INVALID')
    expect(codeOf(() => verifySignedNote(parseSignedNote(changed), [key]))).toBe('ERR_NOTE_INVALID')
  }
})

test('a known key whose signature fails makes the whole note invalid', async () => {
  const note = await signText('a text\n')
  const other = logVerifierKey('log.example/1', testSigner('EdDSA', 'other').key)
  const forged = `${note}— log.example/1 ${Buffer.concat([other.id, new Uint8Array(64)]).toString('base64')}\n`

  expect(open(forged)).toBe('a text\n')
  expect(codeOf(() => open(forged, [key, other]))).toBe('ERR_NOTE_INVALID')
})

test('a second signature of one key is checked too, and counts once', async () => {
  const note = await signText('a text\n')
  const [line = ''] = note.split('\n').slice(2)
  const repeated = parseSignedNote(Buffer.from(`${note}${line}\n`))

  expect(verifySignedNote(repeated, [key]).signers).toStrictEqual([key])
  expect(codeOf(() => open(`${note}${line.slice(0, -6)}AAAA==\n`))).toBe('ERR_NOTE_INVALID')
})

test('a note of over 100 signatures or over 1 MiB is not read', async () => {
  const note = await signText('a text\n')
  const [line = ''] = note.split('\n').slice(2)

  expect(codeOf(() => open(`${note}${`${line}\n`.repeat(100)}`))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => open('a'.repeat(1024 * 1024 + 1)))).toBe('ERR_INPUT_TOO_LARGE')
})

test('a verifier key is read back as it was written, and is of Ed25519 only', () => {
  expect(parseNoteKey(key.vkey).vkey).toBe(key.vkey)
  expect(codeOf(() => logVerifierKey('log', testSigner('ES256').key))).toBe(
    'ERR_ALGORITHM_UNSUPPORTED',
  )
  expect(codeOf(() => logVerifierKey('two words', signer.key))).toBe('ERR_NOTE_INVALID')
})

test('a key that is malformed or of an unknown type is refused', () => {
  const withType = (type: number, bytes: Uint8Array): string => {
    const typed = Buffer.concat([Buffer.of(type), bytes])
    return `a+00000000+${typed.toString('base64')}`
  }

  expect(codeOf(() => parseNoteKey(withType(99, new Uint8Array(32))))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => parseNoteKey(withType(1, new Uint8Array(31))))).toBe('ERR_NOTE_INVALID')
  expect(codeOf(() => parseNoteKey('a+00000000+'))).toBe('ERR_NOTE_INVALID')
})

interface NoteCase {
  readonly id: string
  readonly note_b64: string
  readonly vkeys: readonly string[]
  readonly expect: 'pass' | 'fail'
  readonly origin?: string
  readonly log_key?: string
  readonly verified?: readonly string[]
}

interface Cases {
  readonly notes: readonly NoteCase[]
  readonly vkeys: readonly {
    readonly id: string
    readonly vkey: string
    readonly expect: string
  }[]
}

describeVectors('signed-notes', () => {
  const cases = readVectorJson<Cases>('signed-notes/cases.json')

  // Those with an origin are checkpoints: test/formats/checkpoint.test.ts.
  describe('notes', () => {
    test.each(cases.notes.filter(({ origin }) => origin === undefined))('$id', (given) => {
      const keys = given.vkeys.map(parseNoteKey)
      const verify = (): readonly string[] => {
        const note = parseSignedNote(Buffer.from(given.note_b64, 'base64'))
        return verifySignedNote(note, keys).signers.map(({ name }) => name)
      }

      if (given.expect === 'pass') expect(verify()).toStrictEqual(given.verified)
      else expect(codeOf(verify)).toBe('ERR_NOTE_INVALID')
    })
  })

  test.each(cases.vkeys)('verifier key $id', (given) => {
    const code = codeOf(() => parseNoteKey(given.vkey))

    expect(code).toBe(given.expect === 'pass' ? 'accepted' : 'ERR_NOTE_INVALID')
  })
})
