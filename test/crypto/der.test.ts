import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALGORITHMS, type Curve, type EcdsaAlgorithm } from '../../src/crypto/algorithms.ts'
import { derToP1363, isEcdsaDer, p1363ToDer } from '../../src/crypto/der.ts'
import { codeOf } from '../support/errors.ts'

const curves = Object.values(ALGORITHMS)
  .filter((algorithm): algorithm is EcdsaAlgorithm => algorithm.family === 'ecdsa')
  .map(({ curve }) => curve)

const signatureOn = (curve: Curve): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: 2 * curve.coordinateBytes, maxLength: 2 * curve.coordinateBytes })

test.each(curves)('$name: a P1363 signature survives DER and back', (curve) => {
  fc.assert(
    fc.property(signatureOn(curve), (signature) => {
      const der = p1363ToDer(signature, curve)
      expect(isEcdsaDer(der, curve)).toBe(true)
      expect(Buffer.from(derToP1363(der, curve))).toStrictEqual(Buffer.from(signature))
    }),
  )
})

test.each(curves)('$name: leading zeros and a set top bit survive DER and back', (curve) => {
  const size = curve.coordinateBytes
  for (const edge of [1, 0x7f, 0x80, 0xff]) {
    const signature = new Uint8Array(2 * size)
    signature[size - 1] = edge
    signature[size] = edge
    expect(derToP1363(p1363ToDer(signature, curve), curve)).toStrictEqual(signature)
  }
})

test('whatever bytes are read as DER, only the one valid encoding is', () => {
  const [curve] = curves
  if (curve === undefined) throw new Error('no curve')
  const mutations = fc.tuple(signatureOn(curve), fc.nat(200), fc.integer({ min: 1, max: 255 }))
  fc.assert(
    fc.property(mutations, ([signature, at, flip]) => {
      const der = Buffer.from(p1363ToDer(signature, curve))
      der[at % der.length] = (der[at % der.length] ?? 0) ^ flip
      const code = codeOf(() => derToP1363(der, curve))
      if (code === 'accepted') {
        expect(Buffer.from(p1363ToDer(derToP1363(der, curve), curve))).toStrictEqual(der)
      } else {
        expect(code).toBe('ERR_SIGNATURE_INVALID')
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['nothing', ''],
  ['a byte after the end', '300602010102010100'],
  ['a length in two bytes where one does', '30810602010102010 1'.replace(' ', '')],
  ['a negative integer', '3006020181020101'],
  ['a padded integer', '300702020001020101'],
  ['a zero', '3006020100020101'],
  ['an empty integer', '30050200020101'],
  ['a third integer', '3009020101020101020101'],
  ['an indefinite length', '3080020101020101'],
  ['a length past the end', '3007020101020101'],
])('DER with %s is not a signature', (_, hex) => {
  const curve = ALGORITHMS.ES256.family === 'ecdsa' ? ALGORITHMS.ES256.curve : undefined
  if (curve === undefined) throw new Error('no curve')
  expect(codeOf(() => derToP1363(Buffer.from(hex, 'hex'), curve))).toBe('ERR_SIGNATURE_INVALID')
  expect(isEcdsaDer(Buffer.from(hex, 'hex'), curve)).toBe(false)
})

test('a P1363 signature of another length is refused', () => {
  for (const curve of curves) {
    const short = new Uint8Array(2 * curve.coordinateBytes - 1)
    expect(codeOf(() => p1363ToDer(short, curve))).toBe('ERR_SIGNATURE_INVALID')
  }
})
