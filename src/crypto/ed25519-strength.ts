/**
 * Ed25519 points that must not be trusted. Under a point of small order many verifiers accept forged
 * signatures; a point in another encoding than its own (RFC 8032 section 5.1.3) gives a key two
 * names. OpenSSL makes keys of both.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

const POINT_BYTES = 32
/** The prime of the field, 2^255 - 19. */
const FIELD = 2n ** 255n - 19n
/** One y of a point of order 8; the other is its negative. */
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
/** The y of all eight points of small order: orders 1, 2, 4 and 8, each with either sign of x. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8])

/**
 * Refuses an encoded point that no honest signer has for a key.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — small order, not the point's one encoding, or not 32 bytes
 */
export function assertSoundEd25519(point: Uint8Array): void {
  if (point.length !== POINT_BYTES) throw refused(`${point.length} bytes, expected 32`)
  const littleEndian = Buffer.from(point)
  littleEndian[POINT_BYTES - 1] = (littleEndian[POINT_BYTES - 1] ?? 0) & 0x7f
  const y = BigInt(`0x${littleEndian.reverse().toString('hex')}`)
  if (y >= FIELD) throw refused('its point is not in its canonical encoding')
  if (SMALL_ORDER_Y.has(y))
    throw refused('its point is of small order, so signatures of it can be forged')
}

function refused(why: string): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', `Ed25519 key refused: ${why}`, {
    hint: 'use a key that a key generator made: openssl genpkey -algorithm ed25519',
  })
}
