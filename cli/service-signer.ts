/**
 * Signing with a key of a service: digests go there, bundles come back, and each is verified before
 * anybody writes it.
 *
 * @packageDocumentation
 */
import { digestHash } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import {
  type Answered,
  checkLegacy,
  checkMade,
  type Expected,
} from '../src/artifacts/verify-answer.ts'
import type { ArtifactOutcome, SignaturesMade, SignedBy } from '../src/client/service-answers.ts'
import type { ServiceClient, SignatureRequest } from '../src/client/service-client.ts'
import { fileHashOf, type ServiceKeys } from '../src/client/service-keys.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import type { PublishedVersion } from '../src/keys/key-history.ts'
import type { Made, SignFormat } from '../src/artifacts/attach-signature.ts'
import type { ArtifactSigner, SigningKeyDocument } from './artifact-signer.ts'
import type { Context } from './context.ts'
import { algorithmWarning } from './render/sign.ts'
import type { Signable } from './signable.ts'

/** What a {@link ServiceSigner} is made of. */
export interface ServiceSignerOptions {
  readonly server: string
  readonly client: ServiceClient
  readonly keys: ServiceKeys
  /** Name of the key. */
  readonly key: string
  readonly annotations: Readonly<Record<string, string>>
  readonly context: Pick<Context, 'now' | 'signal'>
}

/** Most artifacts of one request. */
const BATCH = 100

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

class ServiceSigner implements ArtifactSigner {
  readonly hash: ArtifactSigner['hash']
  readonly warnings: readonly string[]
  readonly #options: ServiceSignerOptions
  readonly #newest: PublishedVersion | undefined
  #signedBy: SignedBy | undefined

  constructor(options: ServiceSignerOptions, newest: PublishedVersion | undefined) {
    this.#options = options
    this.#newest = newest
    this.hash = fileHashOf(newest)
    this.warnings = describeWarnings(options, newest)
  }

  /** The service tells. */
  assertSignsFiles(): void {
    return
  }

  sign(signables: readonly Signable[], format: SignFormat): (signable: Signable) => Promise<Made> {
    const { annotations, client, context, key } = this.#options
    const jobs = signables.flatMap((signable) => toJobs(signable, format, annotations))
    const answerOf = toBatches(jobs, (batch) =>
      client.sign(
        key,
        batch.map(({ request }) => request),
        { signal: context.signal },
      ),
    )
    return async (signable) => {
      let made: Made = { bundle: undefined, legacy: undefined }
      for (const job of jobs.filter((each) => each.signable === signable)) {
        const part = await this.#take(job, await answerOf(job))
        made = { ...made, ...part, logIndex: made.logIndex ?? part.logIndex }
      }
      return made
    }
  }

  async attest(
    signables: readonly Signable[],
    input: PredicateInput | 'provenance',
  ): Promise<Made> {
    const { client, key, context } = this.#options
    const subjects = signables.map((one) => ({
      digest: chooseDigest(one),
      ...(one.subjectName !== undefined && { name: one.subjectName }),
    }))
    const said = input === 'provenance' ? ({ provenance: true } as const) : input
    const made = await client.attest(key, { subjects, ...said }, { signal: context.signal })
    const expected = input === 'provenance' ? { predicateType: PROVENANCE_PREDICATE_TYPE } : input
    const accepted = await this.#accept(
      { signedBy: made, made },
      { artifacts: signables, annotations: {}, ...expected },
    )
    return { ...accepted, legacy: undefined }
  }

  describe(): SigningKeyDocument {
    const { key, server } = this.#options
    const algorithm = this.#newest?.key.algorithm.name
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

  async #take({ signable, request }: Job, { signedBy, result }: BatchAnswer): Promise<Part> {
    if ('error' in result) throw result.error
    const { annotations, context, keys, server } = this.#options
    const { reference, digest } = request
    if (reference === undefined) {
      if ('legacy' in result) throw unasked(server, 'the older layout')
      const asked = { artifacts: [signable], predicateType: SIGN_PREDICATE_TYPE }
      return this.#accept({ signedBy, made: result }, { ...asked, annotations })
    }
    if ('bundle' in result) throw unasked(server, 'a bundle')
    const { legacy, logIndex } = result
    const expected = { image: { name: signable.name, digest }, reference, annotations }
    const found = { keys, now: context.now }
    await checkLegacy({ server, signedBy, legacy }, expected, found)
    this.#signedBy = signedBy
    return { legacy, logIndex }
  }

  async #accept(
    answered: Omit<Answered, 'server'>,
    expected: Expected,
  ): Promise<Pick<Made, 'bundle'> & { readonly logIndex: number }> {
    const { server, keys, context } = this.#options
    const bundle = await checkMade({ ...answered, server }, expected, { keys, now: context.now })
    this.#signedBy = answered.signedBy
    const { predicateType } = expected
    return { bundle: { bundle, predicateType }, logIndex: answered.made.logIndex }
  }
}

/** One request to the service: an image in both forms is two. */
interface Job {
  readonly signable: Signable
  readonly request: SignatureRequest
}

/** What came of a job. */
type Part = Partial<Made> & { readonly logIndex: number }

function toJobs(
  signable: Signable,
  format: SignFormat,
  annotations: Readonly<Record<string, string>>,
): readonly Job[] {
  const { digests, isImage, subjectName, dockerReference = '' } = signable
  const name = subjectName === undefined ? {} : { name: subjectName }
  const common = { digest: digests[0], ...name }
  if (!isImage) return [{ signable, request: { ...common, kind: 'file' } }]
  const image = { ...common, kind: 'image', annotations } as const
  const bundle: Job = { signable, request: image }
  if (format === 'bundle') return [bundle]
  if (dockerReference === '') throw unnamed(signable)
  const legacy: Job = {
    signable,
    request: { ...image, format: 'legacy', reference: dockerReference },
  }
  return format === 'legacy' ? [legacy] : [bundle, legacy]
}

function unnamed({ name }: Signable): CountersignError {
  return new CountersignError(
    'ERR_USAGE',
    `the older layout states the repository of an image, and "${name}" has none`,
    { hint: 'leave out --format, or sign the image in its registry' },
  )
}

function unasked(server: string, what: string): CountersignError {
  return new CountersignError(
    'ERR_BUNDLE_INVALID',
    `${server} returned ${what}, which was not requested`,
    { hint: 'check the version of the service; nothing was written' },
  )
}

interface BatchAnswer {
  readonly signedBy: SignedBy
  readonly result: ArtifactOutcome
}

/** Sends jobs together, each batch when the first of it is needed. */
function toBatches(
  jobs: readonly Job[],
  send: (batch: readonly Job[]) => Promise<SignaturesMade>,
): (job: Job) => Promise<BatchAnswer> {
  const sent = new Map<number, Promise<SignaturesMade>>()
  return async (job) => {
    const index = jobs.indexOf(job)
    const start = index - (index % BATCH)
    const sending = sent.get(start) ?? send(jobs.slice(start, start + BATCH))
    sent.set(start, sending)
    const signedBy = await sending
    const result = signedBy.results[index - start]
    if (result === undefined) throw new RangeError('an artifact that was not prepared')
    return { signedBy, result }
  }
}

/** A subject of a service has one digest: the one that everybody computes, where it is known. */
function chooseDigest({ digests }: Signable): Signable['digests'][0] {
  return digests.find((digest) => digestHash(digest) === 'sha256') ?? digests[0]
}

function describeWarnings(
  { keys, server }: ServiceSignerOptions,
  newest: PublishedVersion | undefined,
): readonly string[] {
  const ofAlgorithm = newest === undefined ? undefined : algorithmWarning(newest.key)
  const unpinned = `no trust key of ${server} is pinned, so what it signs is checked with the keys it answers with; see countersign trust init --help`
  return [...(keys.isPinned ? [] : [unpinned]), ...(ofAlgorithm === undefined ? [] : [ofAlgorithm])]
}
