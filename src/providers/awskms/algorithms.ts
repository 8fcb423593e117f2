/** What AWS KMS calls the algorithms. */
import type { Algorithm } from '../../crypto/algorithms.ts'

/** `SigningAlgorithm` of an algorithm. */
export function toSigningAlgorithm({ family, hash }: Algorithm): string {
  switch (family) {
    case 'ecdsa':
      return `ECDSA_SHA_${hash.slice(3)}`
    case 'rsa-pkcs1':
      return `RSASSA_PKCS1_V1_5_SHA_${hash.slice(3)}`
    case 'rsa-pss':
      return `RSASSA_PSS_SHA_${hash.slice(3)}`
    case 'ed25519':
      return 'ED25519_SHA_512'
  }
}

/** `KeySpec` of a key that is made for an algorithm. */
export function toKeySpec(algorithm: Algorithm, rsaBits: () => number): string {
  switch (algorithm.family) {
    case 'ecdsa':
      return `ECC_NIST_${algorithm.curve.name.replace('-', '')}`
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return `RSA_${rsaBits()}`
    case 'ed25519':
      return 'ECC_NIST_EDWARDS25519'
  }
}
