/**
 * Signing with a key of a service: digests go there, bundles come back, and each is verified before
 * anybody writes it.
 *
 * @packageDocumentation
 */
import { digestHash } from '../src/crypto/digest.ts'
import { type Answered, checkMade, type Expected } from '../src/client/check-made.ts'
import type { ArtifactOutcome, SignaturesMade, SignedBy } from '../src/client/service-answers.ts'
import type { ServiceClient, SignatureRequest } from '../src/client/service-client.ts'
import type { ServiceKeys } from '../src/client/service-keys.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import type { PublishedVersion } from '../src/keys/key-history.ts'
import type { Made } from '../src/oci/attach-made.ts'
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
    this.hash = newest === undefined ? 'sha256' : newest.key.algorithm.hash
    this.warnings = describeWarnings(options, newest)
  }

  /** The service tells. */
  assertSignsFiles(): void {
    return
  }

  sign(signables: readonly Signable[]): (signable: Signable) => Promise<Made> {
    const batches = toBatches(signables, (batch) => this.#signBatch(batch))
    return async (signable) => {
      const { made, result } = await batches(signable)
      if ('error' in result) throw result.error
      const asked = { artifacts: [signable], predicateType: SIGN_PREDICATE_TYPE }
      const { annotations } = this.#options
      return this.#accept({ signedBy: made, made: result }, { ...asked, annotations })
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
    return this.#accept(
      { signedBy: made, made },
      { artifacts: signables, annotations: {}, ...expected },
    )
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

  #signBatch(signables: readonly Signable[]): Promise<SignaturesMade> {
    const { annotations, client, context, key } = this.#options
    const artifacts = signables.map(({ digests: [digest], isImage, subjectName }) => ({
      digest,
      kind: isImage ? 'image' : 'file',
      ...(subjectName !== undefined && { name: subjectName }),
      ...(isImage && { annotations }),
    })) satisfies readonly SignatureRequest[]
    return client.sign(key, artifacts, { signal: context.signal })
  }

  async #accept(answered: Omit<Answered, 'server'>, expected: Expected): Promise<Made> {
    const { server, keys, context } = this.#options
    const bundle = await checkMade({ ...answered, server }, expected, { keys, now: context.now })
    this.#signedBy = answered.signedBy
    const { predicateType } = expected
    return {
      bundle: { bundle, predicateType },
      legacy: undefined,
      logIndex: answered.made.logIndex,
    }
  }
}

interface BatchAnswer {
  readonly made: SignedBy
  readonly result: ArtifactOutcome
}

/** Sends artifacts together, each batch when the first of it is wanted. */
function toBatches(
  signables: readonly Signable[],
  send: (batch: readonly Signable[]) => Promise<SignaturesMade>,
): (signable: Signable) => Promise<BatchAnswer> {
  const sent = new Map<number, Promise<SignaturesMade>>()
  return async (signable) => {
    const index = signables.indexOf(signable)
    const start = index - (index % BATCH)
    const sending = sent.get(start) ?? send(signables.slice(start, start + BATCH))
    sent.set(start, sending)
    const made = await sending
    const result = made.results[index - start]
    if (result === undefined) throw new RangeError('an artifact that was not prepared')
    return { made, result }
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
