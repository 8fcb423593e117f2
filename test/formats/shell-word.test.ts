import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteForShell } from '../../src/formats/shell-word.ts'

test('a plain word stays as it is, and one with blanks gets single quotes', () => {
  expect(quoteForShell('oci://ghcr.io/a@sha256:00')).toBe('oci://ghcr.io/a@sha256:00')
  expect(quoteForShell('Schlüssel $(a) `b`')).toBe("'Schlüssel $(a) `b`'")
})

test('a word that a shell would expand at its start is quoted', () => {
  expect(quoteForShell('=ls')).toBe("'=ls'")
  expect(quoteForShell('~root')).toBe("'~root'")
  expect(quoteForShell('')).toBe("''")
})

test('bash reads every word back as it was, and pasting it types nothing else', () => {
  const unit = fc.constantFrom(...'\'\\!`$"\n\r\t\u001b\u0015\u0085\u202e é鍵;&|a1'.split(''))
  fc.assert(
    fc.property(fc.array(fc.string({ unit }), { minLength: 1, maxLength: 60 }), (words) => {
      const quoted = words.map(quoteForShell)
      const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${quoted.join(' ')}`])
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(words)
      // Inside of quotes, fish reads a backslash and a quote, and csh an exclamation mark.
      expect(quoted.join('')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      for (const word of quoted.filter((one) => one.startsWith("'")))
        expect(word.slice(1, -1)).not.toMatch(/['\\!]/)
    }),
    { numRuns: 20 },
  )
})
