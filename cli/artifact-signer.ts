/**
 * Who signs the artifacts of a command: a key that this machine reaches, or one of a service.
 *
 * @packageDocumentation
 */
import type { HashName } from '../src/crypto/digest.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import type { Made, SignFormat } from '../src/artifacts/attach-signature.ts'
import type { Signable } from './signable.ts'

/** The key that signed, as `--json` tells it; of a service, also its name, version and address. */
export interface SigningKeyDocument {
  readonly kid?: string
  readonly algorithm?: string
  readonly name?: string
  readonly version?: number
  readonly server?: string
}

/** Makes signatures and attestations that have been verified; nothing is written. */
export interface ArtifactSigner extends AsyncDisposable {
  /** The hash of a file that is signed; undefined for an algorithm that hashes nothing. */
  readonly hash: HashName | undefined
  /** What a person should know of signatures by this key. */
  readonly warnings: readonly string[]
  /**
   * Lets files be signed; asked before a large one is hashed in vain.
   *
   * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key can't sign a digest
   */
  assertSignsFiles(): void
  /** Prepares signing these artifacts; the function signs one of them. */
  sign(signables: readonly Signable[], format: SignFormat): (signable: Signable) => Promise<Made>
  /** Signs one statement about artifacts; a service can make the predicate itself. */
  attest(signables: readonly Signable[], input: PredicateInput | 'provenance'): Promise<Made>
  /** The key that signed; of a service, known in full when it has answered. */
  describe(): SigningKeyDocument
}
