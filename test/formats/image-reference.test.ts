import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import {
  imageName,
  normalizeImageName,
  parseImageReference,
  serializeImageReference,
} from '../../src/formats/image-reference.ts'

const HEX = 'a'.repeat(64)

const domains = fc.constantFrom('ghcr.io', 'localhost:5000', '[::1]:5000', 'a-b.example', undefined)
const components = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/)
const references = fc.record({
  domain: domains,
  path: fc.array(components, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
  digest: fc.constantFrom(undefined, `sha256:${HEX}` as const, `sha512:${HEX}${HEX}` as const),
})

test('parseImageReference reads back what serializeImageReference writes', () => {
  fc.assert(
    fc.property(references, (reference) => {
      const text = serializeImageReference(reference)
      expect(serializeImageReference(parseImageReference(text))).toBe(text)
    }),
  )
})

test('parseImageReference never throws anything but ERR_REFERENCE_INVALID', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.stringMatching(/^[a-z.:/@[\]_-]{0,60}$/),
  )
  fc.assert(
    fc.property(texts, (text) => {
      try {
        expect(serializeImageReference(parseImageReference(text))).toBe(text)
      } catch (error) {
        expect(CountersignError.is(error, 'ERR_REFERENCE_INVALID')).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['debian', 'docker.io/library/debian'],
  ['debian:12', 'docker.io/library/debian:12'],
  ['acme/app', 'docker.io/acme/app'],
  ['index.docker.io/debian', 'docker.io/library/debian'],
  ['docker.io/acme/app', 'docker.io/acme/app'],
  ['localhost/app', 'localhost/app'],
  ['ACME/app', 'ACME/app'],
  ['127.0.0.1:5000/app', '127.0.0.1:5000/app'],
  [`ghcr.io/acme/app:1@sha256:${HEX}`, `ghcr.io/acme/app:1@sha256:${HEX}`],
])('normalizeImageName reads %s as %s', (text, full) => {
  expect(serializeImageReference(normalizeImageName(text))).toBe(full)
})

test('imageName leaves tag and digest out', () => {
  expect(imageName(parseImageReference(`ghcr.io/acme/app:1@sha256:${HEX}`))).toBe(
    'ghcr.io/acme/app',
  )
})

test('a path over 255 characters is refused, whatever stands before it', () => {
  expect(parseImageReference(`ghcr.io/${'a'.repeat(255)}`).path).toHaveLength(255)
  expect(() => parseImageReference(`ghcr.io/${'a'.repeat(256)}`)).toThrow('over 255 characters')
})

test('an error names the capital letter a repository may not have', () => {
  expect(() => parseImageReference('ghcr.io/Acme/app')).toThrow('a repository is lower case')
})
