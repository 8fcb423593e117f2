/**
 * Signing artifacts with a key that this machine reaches, and verifying each signature in its finished
 * form.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../errors.ts'
import { dockerReference } from '../formats/image-reference.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import { MAX_STATEMENT_SUBJECTS } from '../formats/statement.ts'
import type { KeyUse } from '../keys/key.ts'
import {
  artifactStatement,
  signStatement,
  signArtifact,
  signFileDigest,
  signImageLegacy,
} from '../signing/sign-artifact.ts'
import { signBatch, type SignedBatch } from '../signing/sign-batch.ts'
import { assertDigestSigner, type Signer, type SignOptions } from '../signing/signer.ts'
import { signsForm } from '../verification/key-use.ts'
import { pinKey, type TrustMaterial } from '../verification/trust.ts'
import type {
  ArtifactSigner,
  SignatureOptions,
  SignatureOutput,
  SignFormat,
  SigningKey,
  SigningKeyDocument,
  SigningSubject,
} from './artifact-signer.ts'
import { assertBatchFormat } from './batch-format.ts'
import { assertReleasable } from './release-check.ts'
import { splitSubjects, toSubject } from './statement-parts.ts'

/** What a local signer is made of. */
export interface LocalSignerOptions {
  readonly signer: Signer
  /** Closed with the signer: the provider of the key. */
  readonly owner: AsyncDisposable
  /** What the key is published for; an `artifact` key signs statements about files, not their digests. */
  readonly use?: KeyUse | undefined
  /** What the caller knows of the key; default: its kid is its name. */
  readonly known?: Partial<SigningKey> | undefined
  /** What the receivers trust; default: the key itself. */
  readonly trust?: TrustMaterial | undefined
  /** Makes provenance of what is verified of the caller, where there is such a thing. */
  readonly makeProvenance?: (() => Promise<PredicateInput>) | undefined
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

type Parts = Pick<SignatureOutput, 'bundle' | 'legacy'>

interface ImageOptions {
  readonly format: SignFormat
  readonly annotations: Readonly<Record<string, string>>
}

/** Makes an {@link ArtifactSigner} of an open key. */
export function createLocalSigner(options: LocalSignerOptions): ArtifactSigner {
  return new LocalSigner(options)
}

class LocalSigner implements ArtifactSigner {
  readonly hash: ArtifactSigner['hash']
  readonly publicKey: Signer['key']
  readonly #options: LocalSignerOptions
  readonly #key: SigningKey
  readonly #signing: SignOptions

  constructor(options: LocalSignerOptions) {
    const { signer, known, signal } = options
    const { kid, algorithm } = signer.key
    this.#options = options
    this.#key = { kid, name: kid, ...known }
    this.#signing = { signal }
    this.publicKey = signer.key
    this.hash = this.#signsDigests() ? algorithm.hash : 'sha256'
  }

  assertSignsFiles(): void {
    if (this.#signsDigests()) assertDigestSigner(this.#options.signer)
  }

  sign<S extends SigningSubject>(
    subjects: readonly S[],
    { format = 'bundle', annotations = {}, batch = false }: SignatureOptions = {},
  ): (subject: S) => Promise<SignatureOutput<S>> {
    if (batch) return this.#signAll(subjects, { format, annotations })
    return async (subject) => {
      const parts = subject.isImage
        ? await this.#signImage(subject, { format, annotations })
        : await this.#signFileDigest(subject)
      return this.#release({ ...parts, subjects: [subject], predicateType: SIGN_PREDICATE_TYPE })
    }
  }

  /** Nothing is signed before the first bundle is asked for. */
  #signAll<S extends SigningSubject>(
    subjects: readonly S[],
    { format, annotations }: ImageOptions,
  ): (subject: S) => Promise<SignatureOutput<S>> {
    const { signer, use } = this.#options
    assertBatchable(format, use)
    const statements = subjects.map(({ digests: [digest], isImage }) =>
      artifactStatement(isImage ? { digest, annotations } : { digest }),
    )
    const places = new Map(subjects.map((subject, place) => [subject, place]))
    let signing: Promise<SignedBatch> | undefined
    return async (subject) => {
      signing ??= signBatch(signer, statements, this.#signing)
      const { member } = await signing
      const bundle = member(places.get(subject) ?? -1)
      const predicateType = SIGN_PREDICATE_TYPE
      return this.#release({ subjects: [subject], predicateType, bundle, legacy: undefined })
    }
  }

  async attest<S extends SigningSubject>(
    subjects: readonly [S, ...S[]],
    predicate: PredicateInput | 'provenance',
  ): Promise<readonly SignatureOutput<S>[]> {
    const { signer } = this.#options
    const input = predicate === 'provenance' ? await this.#makeProvenance() : predicate
    const { predicateType } = input
    const outputs: SignatureOutput<S>[] = []
    for (const { named, subjects: all } of splitSubjects(subjects, MAX_STATEMENT_SUBJECTS)) {
      const request = { subjects: named.map(toSubject), ...input }
      const bundle = await signStatement(signer, request, this.#signing)
      outputs.push(await this.#release({ subjects: all, predicateType, bundle, legacy: undefined }))
    }
    return outputs
  }

  describe(): SigningKeyDocument {
    const { kid, algorithm } = this.publicKey
    return { kid, algorithm: algorithm.name }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.owner[Symbol.asyncDispose]()
  }

  #signsDigests(): boolean {
    return signsForm(this.#options.use, 'message')
  }

  async #signFileDigest({ digests: [digest] }: SigningSubject): Promise<Parts> {
    const { signer } = this.#options
    const bundle = this.#signsDigests()
      ? await signFileDigest(signer, digest, this.#signing)
      : await signArtifact(signer, { digest }, this.#signing)
    return { bundle, legacy: undefined }
  }

  async #signImage(
    { digests: [digest], subjectName = '' }: SigningSubject,
    { format, annotations }: ImageOptions,
  ): Promise<Parts> {
    const { signer } = this.#options
    const image = { digest, annotations, dockerReference: dockerReference(subjectName) }
    const wants = (one: 'bundle' | 'legacy'): boolean => format === 'both' || format === one
    return {
      bundle: wants('bundle') ? await signArtifact(signer, image, this.#signing) : undefined,
      legacy: wants('legacy') ? await signImageLegacy(signer, image, this.#signing) : undefined,
    }
  }

  #makeProvenance(): Promise<PredicateInput> {
    const { makeProvenance } = this.#options
    if (makeProvenance !== undefined) return makeProvenance()
    throw new CountersignError('ERR_OPERATION_UNSUPPORTED', 'provenance is made by a service', {
      hint: 'sign with a key of a service, which knows the caller',
    })
  }

  async #release<S extends SigningSubject>(
    made: Omit<SignatureOutput<S>, 'key'>,
  ): Promise<SignatureOutput<S>> {
    const { trust, now } = this.#options
    const output = { ...made, key: this.#key }
    const own = { keys: [pinKey(this.publicKey)] }
    await assertReleasable(output, { trust: trust ?? own, now: now() }).catch((thrown: unknown) => {
      throw trust === undefined ? toDefect(thrown) : thrown
    })
    return output
  }
}

function assertBatchable(format: SignFormat, use: KeyUse | undefined): void {
  assertBatchFormat(format)
  if (signsForm(use, 'envelope')) return
  throw new CountersignError('ERR_OPERATION_UNSUPPORTED', 'a digest key signs no batch', {
    hint: 'sign with a key whose use is artifact',
  })
}

/** What a key signs verifies with itself: anything else is our own fault. */
function toDefect(thrown: unknown): CountersignError {
  const cause = toCountersignError(thrown)
  return new CountersignError('ERR_INTERNAL', cause.message, {
    hint: 'nothing was released; this is a bug in countersign, please report it with the verbose output',
    cause,
  })
}
