/** What transit engines call the algorithms. */
import type { Algorithm } from '../../crypto/algorithms.ts'

/** Type of a key that is made for an algorithm. */
export function toKeyType(algorithm: Algorithm, rsaBits: () => number): string {
  switch (algorithm.family) {
    case 'ecdsa':
      return `ecdsa-${algorithm.curve.name.replace('-', '').toLowerCase()}`
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return `rsa-${rsaBits()}`
    case 'ed25519':
      return 'ed25519'
  }
}

/** Members of a request to sign that choose the algorithm. ECDSA signatures are asked for as P1363. */
export function toSignParameters(algorithm: Algorithm): Readonly<Record<string, string | boolean>> {
  const marshaling = { marshaling_algorithm: 'jws' }
  if (algorithm.hash === undefined) return marshaling
  const hashed = {
    ...marshaling,
    prehashed: true,
    hash_algorithm: `sha2-${algorithm.hash.slice(3)}`,
  }
  switch (algorithm.family) {
    case 'ecdsa':
      return hashed
    case 'rsa-pkcs1':
      return { ...hashed, signature_algorithm: 'pkcs1v15' }
    case 'rsa-pss':
      return { ...hashed, signature_algorithm: 'pss', salt_length: 'hash' }
  }
}
