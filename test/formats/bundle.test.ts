import { bundleFromJSON } from '@sigstore/bundle'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import {
  type BundleContent,
  parseBundle,
  serializeBundle,
  splitBundles,
  writeBundle,
} from '../../src/formats/bundle.ts'
import { codeOf } from '../support/errors.ts'
import { plain } from '../support/plain.ts'

const nonEmpty = fc.uint8Array({ minLength: 1, maxLength: 200 })
const contents: fc.Arbitrary<BundleContent> = fc.oneof(
  fc.record({
    kind: fc.constant('dsse' as const),
    envelope: fc.record({
      payloadType: fc.string(),
      payload: nonEmpty,
      signatures: nonEmpty.map((sig) => [{ keyid: '', sig }]),
    }),
  }),
  fc.record({
    kind: fc.constant('message' as const),
    digest: fc
      .tuple(fc.uint8Array(), fc.constantFrom('sha256', 'sha384', 'sha512' as const))
      .map(([bytes, hash]) => digestOf(bytes, hash)),
    signature: nonEmpty,
  }),
)

test('a bundle is read back as it was written, and @sigstore/bundle reads it too', () => {
  fc.assert(
    fc.property(
      contents,
      fc.base64String(),
      fc.array(nonEmpty, { maxLength: 2 }),
      (content, hint, timestamps) => {
        const bytes = serializeBundle({ hint, content, timestamps })
        const parsed = parseBundle(bytes)
        expect(parsed.signer).toStrictEqual({ kind: 'key', hint })
        expect(plain(parsed.content)).toStrictEqual(plain(content))
        expect(parsed.timestamps).toBe(timestamps.length)
        expect(bundleFromJSON(JSON.parse(Buffer.from(bytes).toString())).content.$case).toBe(
          content.kind === 'dsse' ? 'dsseEnvelope' : 'messageSignature',
        )
      },
    ),
  )
})

test('a new bundle is what its bytes say, with no keyid whatever the envelope has', () => {
  fc.assert(
    fc.property(
      contents,
      fc.base64String(),
      fc.array(nonEmpty, { maxLength: 2 }),
      (content, hint, timestamps) => {
        const { bytes, parsed } = writeBundle({ hint, content: named(content), timestamps })

        expect(plain(parsed)).toStrictEqual(plain(parseBundle(bytes)))
        expect(JSON.stringify(parsed.json)).toBe(Buffer.from(bytes).toString())
      },
    ),
  )
})

function named(content: BundleContent): BundleContent {
  if (content.kind === 'message') return content
  const signatures = content.envelope.signatures.map(({ sig }) => ({ keyid: 'key 1', sig }))
  return { kind: 'dsse', envelope: { ...content.envelope, signatures } }
}

const good = Buffer.from(
  serializeBundle({
    hint: 'aGludA==',
    content: {
      kind: 'dsse',
      envelope: {
        payloadType: 'application/vnd.in-toto+json',
        payload: Buffer.from('{}'),
        signatures: [{ keyid: '', sig: Buffer.from('sig') }],
      },
    },
  }),
)

test('a written bundle holds no DSSE keyid and no member of its own', () => {
  expect(JSON.parse(good.toString())).toStrictEqual({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'aGludA==' } },
    dsseEnvelope: {
      payload: 'e30=',
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: 'c2ln' }],
    },
  })
})

const changed = (change: (bundle: Record<string, Record<string, unknown>>) => void): Buffer => {
  const bundle = JSON.parse(good.toString()) as Record<string, Record<string, unknown>>
  change(bundle)
  return Buffer.from(JSON.stringify(bundle))
}

test.each([
  ['truncated', good.subarray(0, 200), 'ERR_JSON_INVALID'],
  [
    'of an unknown version',
    changed((b) =>
      Object.assign(b, { mediaType: 'application/vnd.dev.sigstore.bundle.v0.9+json' }),
    ),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'with two contents',
    changed((b) => Object.assign(b, { messageSignature: {} })),
    'ERR_BUNDLE_INVALID',
  ],
  ['with no content', changed((b) => delete b['dsseEnvelope']), 'ERR_BUNDLE_INVALID'],
  [
    'with two signers',
    changed((b) => Object.assign(b['verificationMaterial'] ?? {}, { certificate: {} })),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'with no signer',
    changed((b) => delete b['verificationMaterial']?.['publicKey']),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'with two signatures',
    changed((b) =>
      Object.assign(b['dsseEnvelope'] ?? {}, { signatures: [{ sig: 'AAAA' }, { sig: 'AAAA' }] }),
    ),
    'ERR_BUNDLE_INVALID',
  ],
  [
    'with no signature',
    changed((b) => Object.assign(b['dsseEnvelope'] ?? {}, { signatures: [] })),
    'ERR_ENVELOPE_INVALID',
  ],
  [
    'with malformed base64',
    changed((b) => Object.assign(b['dsseEnvelope'] ?? {}, { payload: 'e30' })),
    'ERR_ENVELOPE_INVALID',
  ],
  [
    'with a hint that is not a string',
    changed((b) => Object.assign(b['verificationMaterial']?.['publicKey'] ?? {}, { hint: 7 })),
    'ERR_BUNDLE_INVALID',
  ],
])('a bundle %s is refused', (_, bytes, code) => {
  expect(codeOf(() => parseBundle(bytes))).toBe(code)
})

test('a bundle over 24 MiB is refused before it is parsed', () => {
  expect(codeOf(() => parseBundle(Buffer.alloc(33 * 1024 * 1024, 0x20)))).toBe(
    'ERR_INPUT_TOO_LARGE',
  )
})

test('parseBundle never throws anything but a CountersignError', () => {
  const mutation = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const bytes = Buffer.from(good)
      for (const [at, byte] of mutations) bytes[at] = byte
      codeOf(() => parseBundle(bytes))
    }),
    { numRuns: 2000 },
  )
})

test('bundles are found one, a line each, or in an array, with blank space around', () => {
  const line = good.toString()
  const counts = [line, `\n${line}\n\n`, `${line}\n${line}\n`, `[${line},${line},${line}]`].map(
    (text) => splitBundles(Buffer.from(text)).map((bytes) => parseBundle(bytes)).length,
  )
  expect(counts).toStrictEqual([1, 1, 2, 3])
  const pretty = JSON.stringify(JSON.parse(line), null, 2)
  expect(splitBundles(Buffer.from(pretty))).toHaveLength(1)
  expect(codeOf(() => splitBundles(Buffer.from('[]')))).toBe('ERR_BUNDLE_INVALID')
})
