import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import {
  type ArtifactReference,
  parseArtifactReference,
  serializeArtifactReference,
} from '../../src/formats/artifact-reference.ts'

const HEX = 'b'.repeat(64)
const DIGEST = `sha256:${HEX}`

const cases: readonly (readonly [string, object])[] = [
  ['-', { kind: 'stdin' }],
  [DIGEST, { kind: 'digest', digest: DIGEST }],
  [`sha512:${HEX}${HEX}`, { kind: 'digest', digest: `sha512:${HEX}${HEX}` }],
  ['dist/app.tgz', { kind: 'file', path: 'dist/app.tgz' }],
  ['ghcr.io/acme/app:1', { kind: 'file', path: 'ghcr.io/acme/app:1' }],
  [
    'oci://ghcr.io/acme/app:1',
    { kind: 'registry', registry: 'ghcr.io', repository: 'acme/app', tag: '1' },
  ],
  [
    `oci://127.0.0.1:5000/app@${DIGEST}`,
    { kind: 'registry', registry: '127.0.0.1:5000', repository: 'app', digest: DIGEST },
  ],
  [
    `oci://localhost/app:1@${DIGEST}`,
    { kind: 'registry', registry: 'localhost', repository: 'app', tag: '1', digest: DIGEST },
  ],
  [
    'oci://index.docker.io/debian:12',
    { kind: 'registry', registry: 'docker.io', repository: 'library/debian', tag: '12' },
  ],
  ['oci-layout://build/image', { kind: 'layout', directory: 'build/image' }],
  ['oci-layout:///srv/image:v1', { kind: 'layout', directory: '/srv/image', tag: 'v1' }],
  [
    'oci-layout://a:b/out:localhost:5000/acme/app:v1',
    { kind: 'layout', directory: 'a:b/out', tag: 'localhost:5000/acme/app:v1' },
  ],
  [
    `oci-layout://out:docker.io/acme/app:v1@${DIGEST}`,
    { kind: 'layout', directory: 'out', tag: 'docker.io/acme/app:v1', digest: DIGEST },
  ],
  ['oci-layout://a:b/c:v1', { kind: 'layout', directory: 'a:b/c', tag: 'v1' }],
  [`oci-layout://image@${DIGEST}`, { kind: 'layout', directory: 'image', digest: DIGEST }],
  [`oci-layout://a:b@${DIGEST}`, { kind: 'layout', directory: 'a', tag: 'b', digest: DIGEST }],
  ['oci-layout://a:b/', { kind: 'layout', directory: 'a:b/' }],
]

test.each(cases)('parseArtifactReference reads %s', (text, expected) => {
  expect(parseArtifactReference(text)).toEqual(expected)
})

test.each(cases.map(([text]) => text))('serializeArtifactReference reads back %s', (text) => {
  const artifact = parseArtifactReference(text)
  expect(parseArtifactReference(serializeArtifactReference(artifact))).toEqual(artifact)
})

test.each([
  ['', 'the path is empty'],
  ['sha256:abc', 'not a digest'],
  [`sha256:${HEX.toUpperCase()}`, 'not a digest'],
  ['oci://ghcr.io/acme/app', 'neither tag nor digest'],
  ['oci://debian:12', 'it names no registry'],
  ['oci://acme/app:1', 'it names no registry'],
  ['oci://ghcr.io/acme/app@sha256:abc', 'not a digest'],
  ['oci-layout://', 'the path is empty'],
  ['oci-layout://:v1', 'the path is empty'],
  ['oci-layout://dir@sha256:abc', 'not a digest'],
  ['oci-layout://dir:not~a~tag', 'the tag is malformed'],
  ['docker://debian', 'unknown scheme'],
  ['https://example.com/app.tgz', 'unknown scheme'],
])('parseArtifactReference refuses "%s": %s', (text, why) => {
  const parse = (): ArtifactReference => parseArtifactReference(text)
  expect(parse).toThrow(why)
  expect(parse).toThrow(expect.objectContaining({ code: 'ERR_REFERENCE_INVALID' }))
})

test('an image without a registry is answered with the name it would have on Docker Hub', () => {
  expect(() => parseArtifactReference('oci://debian:12')).toThrow(
    expect.objectContaining({
      hint: "write the registry's full name: oci://docker.io/library/debian:12",
    }),
  )
})

test('parseArtifactReference never throws anything but ERR_REFERENCE_INVALID', () => {
  const texts = fc
    .tuple(fc.constantFrom('', 'oci://', 'oci-layout://', 'sha256:'), fc.string({ maxLength: 30 }))
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const artifact = parseArtifactReference(text)
        expect(parseArtifactReference(serializeArtifactReference(artifact))).toEqual(artifact)
      } catch (error) {
        expect(CountersignError.is(error, 'ERR_REFERENCE_INVALID')).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
})
