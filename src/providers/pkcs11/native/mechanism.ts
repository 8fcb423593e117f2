/**
 * How each algorithm is asked of a token: always the bare operation over a digest made here, so that
 * every hash works on every token (Ed25519, which takes no digest, over the message).
 *
 * @packageDocumentation
 */
import type { Algorithm } from '../../../crypto/algorithms.ts'
import { toDigestInfo } from '../../../crypto/digest-info.ts'
import { DIGEST_BYTES, type HashName } from '../../../crypto/digest.ts'
import {
  CKG_MGF1_SHA256,
  CKG_MGF1_SHA384,
  CKG_MGF1_SHA512,
  CKM_ECDSA,
  CKM_EDDSA,
  CKM_RSA_PKCS,
  CKM_RSA_PKCS_PSS,
  CKM_SHA256,
  CKM_SHA384,
  CKM_SHA512,
  type Mechanism,
  PARAMETERS_RSA_PSS,
} from './cryptoki.ts'

const PSS_HASH: Readonly<Record<HashName, { readonly hashAlg: number; readonly mgf: number }>> = {
  sha256: { hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256 },
  sha384: { hashAlg: CKM_SHA384, mgf: CKG_MGF1_SHA384 },
  sha512: { hashAlg: CKM_SHA512, mgf: CKG_MGF1_SHA512 },
}

/** The mechanism that signs with an algorithm; the PSS salt is as long as the digest. */
export function toMechanism(algorithm: Algorithm): Mechanism {
  switch (algorithm.family) {
    case 'ecdsa':
      return { mechanism: CKM_ECDSA }
    case 'rsa-pkcs1':
      return { mechanism: CKM_RSA_PKCS }
    case 'rsa-pss': {
      const saltLen = DIGEST_BYTES[algorithm.hash]
      const parameter = { type: PARAMETERS_RSA_PSS, saltLen, ...PSS_HASH[algorithm.hash] } as const
      return { mechanism: CKM_RSA_PKCS_PSS, parameter }
    }
    case 'ed25519':
      return { mechanism: CKM_EDDSA }
  }
}

/** What the mechanism signs for a digest: CKM_RSA_PKCS wants it inside its DigestInfo. */
export function toMechanismInput(algorithm: Algorithm, digest: Uint8Array): Uint8Array {
  return algorithm.family === 'rsa-pkcs1' ? toDigestInfo(algorithm.hash, digest) : digest
}
