/** Signing with the test keys, so that the same message always has the same signature. */
import { sign } from 'node:crypto'
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { integer, tlv } from './der.ts'
import { signEcdsa } from './ecdsa.ts'
import { toNumber } from './made.ts'
import { signPss } from './rsa-pss.ts'

/** The test key that signs by each algorithm. */
export const KEY_OF: Readonly<Record<string, string>> = {
  ES256: 'p256',
  ES384: 'p384',
  ES512: 'p521',
  RS256: 'rsa2048',
  RS384: 'rsa2048',
  RS512: 'rsa2048',
  PS256: 'rsa2048',
  PS384: 'rsa2048',
  PS512: 'rsa2048',
  EdDSA: 'ed25519',
  Ed25519: 'ed25519',
}

/** Signs a message by an algorithm; ECDSA in P1363 form. */
export function signFixed(algorithm: string, message: Uint8Array): Buffer {
  const key = KEY_OF[algorithm] ?? ''
  const hash = `sha${algorithm.slice(2)}`
  if (algorithm.startsWith('ES')) return signEcdsa(algorithm, message)
  if (algorithm.startsWith('RS')) return sign(hash, message, ownPrivateKey(key))
  if (!algorithm.startsWith('PS')) return sign(null, message, ownPrivateKey(key))
  const known = (['sha256', 'sha384', 'sha512'] as const).find((name) => name === hash)
  return signPss({ key, bits: 2048, hash: known ?? 'sha256' }, message)
}

/** The public JWK of a test key, with further members. */
export function publicJwk(key: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { ...ownPublicKey(key).export({ format: 'jwk' }), ...more }
}

/** Bytes or text in base64url. */
export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

/** What a token holds where a case says nothing else. */
export const TOKEN_PAYLOAD = '{"sub":"test"}'

/** Signs a header, as text, over a payload. */
export function signToken(
  header: string | Uint8Array,
  payload: string | Uint8Array = TOKEN_PAYLOAD,
  algorithm = 'ES256',
): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${base64url(signFixed(algorithm, Buffer.from(input)))}`
}

/** Signs an envelope of DSSE, in base64; without a type, over the payload alone. */
export function signEnvelope(
  algorithm: string,
  type: string | undefined,
  payload: Uint8Array,
  { key = 'p256', form = 'der' }: { readonly key?: string; readonly form?: string } = {},
): string {
  const head =
    type === undefined ? '' : `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `
  const message = Buffer.concat([Buffer.from(head), payload])
  if (key === 'ed25519') return sign(null, message, ownPrivateKey(key)).toString('base64')
  const raw = signEcdsa(algorithm, message)
  return (form === 'der' ? toDer(raw) : raw).toString('base64')
}

/** r and s side by side as a SEQUENCE of two numbers. */
export function toDer(signature: Uint8Array): Buffer {
  const half = signature.length / 2
  return tlv(
    0x30,
    integer(toNumber(signature.subarray(0, half))),
    integer(toNumber(signature.subarray(half))),
  )
}
