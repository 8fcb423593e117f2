/**
 * The one form of an ECDSA signature. With (r, s) also (r, n - s) verifies, and can be computed without the key,
 * so signatures are released with the smaller s (as SEC 1 version 2 section 4.1.3 allows), and
 * wherever one is counted or looked up, it is by that form. Both forms verify.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type Algorithm, ALGORITHMS, type Curve } from './algorithms.ts'
import { derToP1363, p1363ToDer } from './der.ts'

/** Order of each curve's base point (FIPS 186-5, SP 800-186 section 3.2.1). */
const ORDERS: Readonly<Record<Curve['name'], bigint>> = {
  'P-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  'P-384':
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  'P-521':
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
}

const CURVES: readonly Curve[] = Object.values(ALGORITHMS).flatMap((algorithm) =>
  algorithm.family === 'ecdsa' ? [algorithm.curve] : [],
)

/** A signature with the smaller s, ECDSA as P1363; those of other algorithms have one form only. */
export function toLowS(algorithm: Algorithm, signature: Uint8Array): Uint8Array {
  return algorithm.family === 'ecdsa' ? withLowS(algorithm.curve, signature) : signature
}

function withLowS({ name, coordinateBytes }: Curve, signature: Uint8Array): Uint8Array {
  if (signature.length !== 2 * coordinateBytes) return signature
  const order = ORDERS[name]
  const s = BigInt(`0x${Buffer.from(signature.subarray(coordinateBytes)).toString('hex')}`)
  if (s <= order / 2n || s >= order) return signature
  const low = Buffer.from(signature)
  low.write((order - s).toString(16).padStart(2 * coordinateBytes, '0'), coordinateBytes, 'hex')
  return low
}

/**
 * The form by which a signature is known, where its key is not: X.509 form in, X.509 form out. The curve
 * is the smallest that its numbers fit, which for a signature of chance is its own; what is not ECDSA
 * stays as it is.
 */
export function toCanonicalSignature(signature: Uint8Array): Uint8Array {
  for (const curve of CURVES) {
    const raw = tryDer(signature, curve)
    if (raw !== undefined) return p1363ToDer(withLowS(curve, raw), curve)
  }
  return signature
}

function tryDer(signature: Uint8Array, curve: Curve): Uint8Array | undefined {
  try {
    return derToP1363(signature, curve)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return undefined
    throw error
  }
}
