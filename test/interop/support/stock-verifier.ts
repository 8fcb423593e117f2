import { toTrustMaterial, Verifier } from '@sigstore/verify'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The stock verifier of Sigstore, which trusts the key in a PEM file and demands no evidence. */
export function stockVerifier(publicPath: string): Verifier {
  const publicKey = createPublicKey(readFileSync(publicPath))
  const nothing = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [],
    ctlogs: [],
    certificateAuthorities: [],
    timestampAuthorities: [],
  }
  const material = toTrustMaterial(nothing, () => ({ publicKey, validFor: () => true }))
  return new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 })
}
