/** What the modes sign and attest make, whoever signs. */
import type { HashName } from '../src/crypto/digest.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import type { Made, SignFormat } from '../src/artifacts/attach-signature.ts'
import type { TrustMaterial } from '../src/verification/trust.ts'
import type { ActionSubject } from './subjects.ts'

/** The key version that signed. */
export interface SigningKey {
  readonly kid: string
  /** Name of the key in its service, or its reference. */
  readonly name: string
  readonly version?: number | undefined
  /** As it is published, where it is. */
  readonly state?: string | undefined
}

/** One signature or attestation; nobody else has seen it. */
export interface MadeItem extends Made {
  readonly subjects: readonly [ActionSubject, ...ActionSubject[]]
  readonly predicateType: string
  readonly key: SigningKey
}

/** A way to sign: through a service, or with a key that the job reaches itself. */
export interface SigningRoute extends AsyncDisposable {
  /** Where the key is, for the summary. */
  readonly described: string
  /** Who made provenance, for the summary. */
  readonly provenance: string
  /** What to verify with where the inputs trust nobody; undefined where that is done already. */
  readonly ownTrust: TrustMaterial | undefined
  /** The hash files are signed with. */
  readonly hash: HashName
  /** Signs each subject. */
  sign(subjects: readonly ActionSubject[], format: SignFormat): Promise<readonly MadeItem[]>
  /** Signs a statement about the subjects; more than one where they are too many for one. */
  attest(
    subjects: readonly [ActionSubject, ...ActionSubject[]],
    predicate: PredicateInput | 'provenance',
  ): Promise<readonly MadeItem[]>
}

/** What cosign's older form calls an image; Docker Hub by the name its older tools use. */
export function toDockerReference(name: string): string {
  return name.replace(/^docker\.io\//, 'index.docker.io/')
}
