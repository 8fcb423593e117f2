/** Our keys for programs that make Sigstore bundles with `@sigstore/sign`. */
import { assertMembers } from '../basics/arguments.ts'
import { toX509Signature } from '../crypto/der.ts'
import { serializePublicKeyPem } from '../crypto/public-key.ts'
import type { Signer } from './signer.ts'

/** A signature and its key, as the bundle builders of `@sigstore/sign` take them. */
export interface SigstoreSignature {
  readonly signature: Buffer
  readonly key: {
    readonly $case: 'publicKey'
    /** PEM. */
    readonly publicKey: string
    /** How verifiers find the key. */
    readonly hint: string
  }
}

/** What `DSSEBundleBuilder` and `MessageSignatureBundleBuilder` of `@sigstore/sign` take as `signer`. */
export interface SigstoreSigner {
  sign(data: Uint8Array): Promise<SigstoreSignature>
}

/**
 * Makes any open key a signer of `@sigstore/sign`. Each signature is verified with the key before it is returned.
 *
 * @throws TypeError — not a {@link Signer}
 *
 * @example
 * ```ts
 * import { DSSEBundleBuilder } from '@sigstore/sign'
 * import { openKey, toSigstoreSigner } from 'countersign'
 *
 * await using key = await openKey('awskms:///alias/release')
 * const builder = new DSSEBundleBuilder({ signer: toSigstoreSigner(key), witnesses: [] })
 * const bundle = await builder.create({ data: Buffer.from('{}'), type: 'application/json' })
 * console.log(bundle.content.dsseEnvelope.payloadType) // application/json
 * ```
 */
export function toSigstoreSigner(signer: Signer): SigstoreSigner {
  assertMembers('signer', signer, { key: 'object', sign: 'function' })
  const { key } = signer
  return {
    sign: async (data) => ({
      signature: Buffer.from(toX509Signature(key.algorithm, await signer.sign(data))),
      key: { $case: 'publicKey', publicKey: serializePublicKeyPem(key), hint: key.hint },
    }),
  }
}
