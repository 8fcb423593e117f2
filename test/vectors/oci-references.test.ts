import { expect, test } from 'vitest'
import { isDigest, parseDigest } from '../../src/crypto/digest.ts'
import { CountersignError } from '../../src/errors.ts'
import {
  imageName,
  normalizeImageName,
  parseImageReference,
} from '../../src/formats/image-reference.ts'
import { parseJson } from '../../src/formats/json.ts'
import { parseDescriptor } from '../../src/formats/oci-descriptor.ts'
import {
  indexEntries,
  parseImageIndex,
  parseImageManifest,
} from '../../src/formats/oci-manifest.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Case {
  readonly input: string
  readonly expect: 'valid' | 'invalid' | 'either'
  readonly repository?: string
  readonly name?: string
  readonly domain?: string
  readonly tag?: string
  readonly digest?: string
}

interface DocumentCase {
  readonly id: string
  readonly kind: 'descriptor' | 'manifest' | 'imageIndex'
  readonly json: string
  readonly json_wellformed: boolean
  readonly expect: 'valid' | 'invalid'
}

interface Cases {
  readonly references_parse: readonly Case[]
  readonly references_regexp: readonly Case[]
  readonly names_normalized: readonly Case[]
  readonly digests: readonly Case[]
  readonly oci_documents: readonly DocumentCase[]
}

const PARSERS = {
  descriptor: (text: string): unknown => parseDescriptor(parseJson(text)),
  manifest: (text: string): unknown => parseImageManifest(Buffer.from(text)),
  // An index may have strange entries, which are skipped; the entries themselves are judged here.
  imageIndex: (text: string): unknown =>
    indexEntries(parseImageIndex(Buffer.from(text))).map(parseDescriptor),
} as const

function verdict(parse: () => unknown): 'valid' | 'invalid' {
  try {
    parse()
    return 'valid'
  } catch (error) {
    if (CountersignError.is(error)) return 'invalid'
    throw error
  }
}

describeVectors('oci-references', () => {
  const cases = readVectorJson<Cases>('oci-references/cases.json')

  test.each([...cases.references_parse, ...cases.references_regexp])(
    'parseImageReference finds $input $expect',
    (vector) => {
      const found = verdict(() => parseImageReference(vector.input))
      if (vector.expect !== 'either') expect(found).toBe(vector.expect)
      if (vector.expect !== 'valid') return

      const reference = parseImageReference(vector.input)
      expect(imageName(reference)).toBe(vector.repository ?? vector.name)
      // The reg-exp table has no domain, and writes an absent part as an empty text.
      if (vector.name === undefined) expect(reference.domain).toBe(vector.domain)
      expect(reference.tag ?? '').toBe(vector.tag ?? '')
      expect(reference.digest ?? '').toBe(vector.digest ?? '')
    },
  )

  test.each(cases.names_normalized)('normalizeImageName finds $input $expect', (vector) => {
    expect(verdict(() => normalizeImageName(vector.input))).toBe(vector.expect)
  })

  test.each(cases.digests)('parseDigest finds $input $expect', (vector) => {
    expect(verdict(() => parseDigest(vector.input))).toBe(vector.expect)
    expect(isDigest(vector.input)).toBe(vector.expect === 'valid')
  })

  const [whole, cut] = [true, false].map((wellformed) =>
    cases.oci_documents.filter((vector) => vector.json_wellformed === wellformed),
  )

  test.each(whole ?? [])('the $kind of $id is $expect', (vector) => {
    expect(verdict(() => PARSERS[vector.kind](vector.json))).toBe(vector.expect)
  })

  test.each(cut ?? [])('$id, cut wrongly out of its Go source, is refused', (vector) => {
    expect(verdict(() => PARSERS[vector.kind](vector.json))).toBe('invalid')
  })

  test('the manifests inside the wrongly cut text are valid', () => {
    const texts = (cut ?? [])
      .filter((vector) => vector.kind === 'manifest')
      .flatMap((vector) => vector.json.split('`'))
      .filter((text) => text.trim().startsWith('{'))

    expect(texts).toHaveLength(2)
    expect(texts.map((text) => verdict(() => PARSERS.manifest(text)))).toEqual(['valid', 'valid'])
  })
})
