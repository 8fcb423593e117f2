/**
 * Signing artifacts with a key of a service: digests go there, bundles come back, and each is verified
 * before it is handed on.
 *
 * @packageDocumentation
 */
import type { SignedBy } from '../client/service-answers.ts'
import type {
  AttestationCall,
  ServiceCallOptions,
  ServiceClient,
} from '../client/service-client.ts'
import { fileHashOf, type ServiceKeys } from '../client/service-keys.ts'
import { MAX_ARTIFACTS, MAX_LONG_SUBJECTS, MAX_SUBJECTS } from '../client/service-limits.ts'
import { type Digest, digestHash } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../formats/predicates/github-provenance.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import type { PublishedVersion } from '../keys/key-history.ts'
import type { LegacyImageSignature, SignedBundle } from '../signing/sign-artifact.ts'
import type { TrustMaterial } from '../verification/trust.ts'
import type {
  ArtifactSigner,
  SignatureOptions,
  SignatureOutput,
  SigningKey,
  SigningKeyDocument,
  SigningSubject,
} from './artifact-signer.ts'
import { assertBatchFormat } from './batch-format.ts'
import { assertReleasable } from './release-check.ts'
import { nameRequest } from './run-name.ts'
import { type SignedJob, sendInBatches, toJobs } from './signature-jobs.ts'
import { splitSubjects, type StatementPart } from './statement-parts.ts'
import { type Answered, type Expected, verifyAnswer, verifyLegacyAnswer } from './verify-answer.ts'

/** What a signer of a service is made of. */
export interface ServiceSignerOptions {
  /** Address of the service, as people write it. */
  readonly server: string
  readonly client: ServiceClient
  /** What the service publishes, to check its answers with. */
  readonly keys: ServiceKeys
  /** Name of the key. */
  readonly key: string
  /** Names the run for idempotency; see `nameRun`. */
  readonly run: string
  /** What the receivers trust; default: what the service publishes. */
  readonly trust?: TrustMaterial | undefined
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a key of a service for signing.
 *
 * @throws {@link CountersignError} the errors of reading what the service publishes
 */
export async function openServiceSigner(options: ServiceSignerOptions): Promise<ArtifactSigner> {
  const { versions } = await options.keys.read()
  // A key that is not published is the service's to refuse, in its own words.
  const newest = versions.findLast(({ name }) => name === options.key)
  return new ServiceSigner(options, newest)
}

type Made<S> = Omit<SignatureOutput<S>, 'key'>
type Part = Partial<Pick<SignatureOutput, 'bundle' | 'legacy' | 'logIndex'>>

class ServiceSigner implements ArtifactSigner {
  readonly hash: ArtifactSigner['hash']
  readonly publicKey: ArtifactSigner['publicKey']
  readonly #options: ServiceSignerOptions
  #signedBy: SignedBy | undefined

  constructor(options: ServiceSignerOptions, newest: PublishedVersion | undefined) {
    this.#options = options
    this.publicKey = newest?.key
    this.hash = fileHashOf(newest)
  }

  /** The service refuses where it can't. */
  assertSignsFiles(): void {
    return
  }

  sign<S extends SigningSubject>(
    subjects: readonly S[],
    options: SignatureOptions = {},
  ): (subject: S) => Promise<SignatureOutput<S>> {
    const { client, key } = this.#options
    const { batch = false, format = 'bundle' } = options
    if (batch) assertBatchFormat(format)
    const jobs = subjects.flatMap((subject) => toJobs(subject, options))
    const jobsOf = Map.groupBy(jobs, ({ subject }) => subject)
    const size = batch ? entrySize(jobs.map(({ request }) => request.digest)) : MAX_ARTIFACTS
    const answerOf = sendInBatches(jobs, size, (artifacts) =>
      batch
        ? client.signBatch(key, artifacts, this.#callOptions({ batch: artifacts }))
        : client.sign(key, artifacts, this.#callOptions({ artifacts })),
    )
    return async (subject) => {
      const answers: SignedJob<S>[] = []
      for (const job of jobsOf.get(subject) ?? []) answers.push(await answerOf(job))
      return this.#join(subject, answers, options)
    }
  }

  async attest<S extends SigningSubject>(
    subjects: readonly [S, ...S[]],
    predicate: PredicateInput | 'provenance',
  ): Promise<readonly SignatureOutput<S>[]> {
    const size = entrySize(subjects.map(chooseDigest))
    const outputs: SignatureOutput<S>[] = []
    for (const part of splitSubjects(subjects, size)) {
      outputs.push(await this.#attestOnce(part, predicate))
    }
    return outputs
  }

  describe(): SigningKeyDocument {
    const { key, server } = this.#options
    const algorithm = this.publicKey?.algorithm.name
    return {
      ...(this.#signedBy && { kid: this.#signedBy.kid }),
      ...(algorithm !== undefined && { algorithm }),
      name: key,
      ...(this.#signedBy && { version: this.#signedBy.version }),
      server,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  async #attestOnce<S extends SigningSubject>(
    { named, subjects }: StatementPart<S>,
    predicate: PredicateInput | 'provenance',
  ): Promise<SignatureOutput<S>> {
    const { client, key, server } = this.#options
    const input = predicate === 'provenance' ? ({ provenance: true } as const) : predicate
    const request: AttestationCall = { subjects: named.map(toServiceSubject), ...input }
    const answer = await client.attest(key, request, this.#callOptions(request))
    const expected =
      predicate === 'provenance' ? { predicateType: PROVENANCE_PREDICATE_TYPE } : predicate
    const bundle = await this.#verify(
      { server, signedBy: answer, made: answer },
      { artifacts: subjects, annotations: {}, ...expected },
    )
    const { predicateType } = expected
    const made = { subjects, predicateType, bundle, legacy: undefined, logIndex: answer.logIndex }
    return this.#release(made, answer)
  }

  /** Joins what was made for one subject; the entry of its bundle stands for both. */
  async #join<S extends SigningSubject>(
    subject: S,
    answers: readonly SignedJob<S>[],
    options: SignatureOptions,
  ): Promise<SignatureOutput<S>> {
    const [first] = answers
    if (first === undefined) throw new RangeError('an artifact that was not prepared')
    let made: Made<S> = {
      subjects: [subject],
      predicateType: SIGN_PREDICATE_TYPE,
      bundle: undefined,
      legacy: undefined,
    }
    for (const answer of answers) {
      const { logIndex, ...part } = await this.#take(answer, options)
      made = { ...made, ...part, logIndex: made.logIndex ?? logIndex }
    }
    return this.#release(made, first.signedBy)
  }

  async #take(
    { subject, request, signedBy, result }: SignedJob,
    { annotations = {} }: SignatureOptions,
  ): Promise<Part> {
    if ('error' in result) throw result.error
    const { server } = this.#options
    const { reference, digest } = request
    const { logIndex } = result
    if (reference === undefined) {
      if ('legacy' in result) throw unasked(server, 'the older layout')
      const expected = { artifacts: [subject], predicateType: SIGN_PREDICATE_TYPE, annotations }
      return { bundle: await this.#verify({ server, signedBy, made: result }, expected), logIndex }
    }
    if ('bundle' in result) throw unasked(server, 'a bundle')
    const expected = { image: { name: subject.name, digest }, reference, annotations }
    const legacy: LegacyImageSignature = await verifyLegacyAnswer(
      { server, signedBy, legacy: result.legacy },
      expected,
      this.#options,
    )
    return { legacy, logIndex }
  }

  #verify(answered: Answered, expected: Expected): Promise<SignedBundle> {
    return verifyAnswer(answered, expected, this.#options)
  }

  async #release<S extends SigningSubject>(
    made: Made<S>,
    signedBy: SignedBy,
  ): Promise<SignatureOutput<S>> {
    const { trust, now } = this.#options
    const output = { ...made, key: await this.#describe(signedBy) }
    if (trust !== undefined) await assertReleasable(output, { trust, now: now() })
    this.#signedBy = signedBy
    return output
  }

  async #describe({ kid, version, key: name }: SignedBy): Promise<SigningKey> {
    const { versions } = await this.#options.keys.read(kid)
    return { kid, version, name, state: versions.find(({ key }) => key.kid === kid)?.state }
  }

  #callOptions(request: unknown): ServiceCallOptions {
    const { run, server, key, signal } = this.#options
    return { signal, idempotencyKey: nameRequest(run, [server, key, request]) }
  }
}

/** How many digests one entry of the log holds. */
function entrySize(digests: readonly Digest[]): number {
  const isShort = digests.every((digest) => digestHash(digest) === 'sha256')
  return isShort ? MAX_SUBJECTS : MAX_LONG_SUBJECTS
}

/** A subject of a service has one digest: the one that everything computes, where it is known. */
function chooseDigest({ digests }: SigningSubject): Digest {
  return digests.find((digest) => digestHash(digest) === 'sha256') ?? digests[0]
}

function toServiceSubject(subject: SigningSubject): AttestationCall['subjects'][number] {
  const { subjectName } = subject
  return {
    digest: chooseDigest(subject),
    ...(subjectName !== undefined && { name: subjectName }),
  }
}

function unasked(server: string, what: string): CountersignError {
  return new CountersignError(
    'ERR_BUNDLE_INVALID',
    `${server} returned ${what}, which was not requested`,
    { hint: 'check the version of the service; nothing was released' },
  )
}
