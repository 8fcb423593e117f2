import { expect, test } from 'vitest'
import { fromX509Signature } from '../../src/crypto/der.ts'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { verifyMessage } from '../../src/crypto/verify.ts'
import { describeVectors, readVector, readVectorJson } from '../support/vectors.ts'

interface Case {
  readonly file: string
  readonly signature: string
  readonly key: string
  readonly expect: 'accept' | 'reject'
}

describeVectors('detached-signatures', () => {
  const { cases } = readVectorJson<{ cases: readonly Case[] }>('detached-signatures/cases.json')
  test.each(cases)('$signature over $file: $expect', ({ file, signature, key, expect: wanted }) => {
    const read = (name: string): Uint8Array => readVector(`detached-signatures/${name}`)
    const publicKey = parsePublicKeyPem(Buffer.from(read(key)).toString())
    const sig = fromX509Signature(publicKey.algorithm, read(signature))
    expect(verifyMessage(publicKey, read(file), sig)).toBe(wanted === 'accept')
  })
})
