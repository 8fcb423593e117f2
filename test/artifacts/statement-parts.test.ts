import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SigningSubject } from '../../src/artifacts/artifact-signer.ts'
import { splitSubjects } from '../../src/artifacts/statement-parts.ts'
import { digestOf } from '../../src/crypto/digest.ts'

function subject(content: string, subjectName?: string): SigningSubject {
  return { name: content, subjectName, digests: [digestOf(Buffer.from(content))], isImage: false }
}

test('every subject is in one statement, each name and content is named once, and none is too long', () => {
  const subjects = fc.array(
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f').map((one) => subject(one, one)),
  )

  fc.assert(
    fc.property(subjects, fc.integer({ min: 1, max: 5 }), (given, size) => {
      const parts = splitSubjects(given, size)

      const named = parts.flatMap((part) => part.named.map(({ name }) => name))
      expect(named).toEqual([...new Set(given.map(({ name }) => name))])
      expect(new Set(parts.flatMap((part) => part.subjects))).toEqual(new Set(given))
      expect(parts.flatMap((part) => part.subjects)).toHaveLength(given.length)
      expect(parts.every((part) => part.named.length <= size)).toBe(true)
      expect(parts.slice(0, -1).every((part) => part.named.length === size)).toBe(true)
    }),
  )
})

test('one content under two names is two subjects', () => {
  const [part] = splitSubjects([subject('a', 'one'), subject('a', 'two')], 10)

  expect(part?.named).toHaveLength(2)
})
