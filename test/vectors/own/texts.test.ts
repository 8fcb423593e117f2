import { parseDigest } from '../../../src/crypto/digest.ts'
import {
  parseImageReference,
  serializeImageReference,
} from '../../../src/formats/image-reference.ts'
import { parseStatement } from '../../../src/formats/statement.ts'
import { parsePkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'
import { expect } from 'vitest'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors } from '../../support/own-vectors.ts'

interface Text {
  readonly data: string
}

describeOwnVectors<Text>('statements', ({ data }) => {
  const code = codeOf(() => parseStatement(Buffer.from(data)))
  expect(['accepted', 'ERR_STATEMENT_INVALID', 'ERR_JSON_INVALID']).toContain(code)
  return code === 'accepted'
})

describeOwnVectors<Text>('image-references', ({ data }, { group }) => {
  const read = (): string =>
    group === 'digests' ? parseDigest(data) : serializeImageReference(parseImageReference(data))
  const code = codeOf(read)
  expect(['accepted', 'ERR_REFERENCE_INVALID', 'ERR_DIGEST_INVALID']).toContain(code)
  if (code === 'accepted') expect(read()).toBe(data)
  return code === 'accepted'
})

describeOwnVectors<Text>('pkcs11-uris', ({ data }) => {
  const code = codeOf(() => parsePkcs11Uri(data))
  expect(['accepted', 'ERR_KEY_URI_INVALID']).toContain(code)
  return code === 'accepted'
})
