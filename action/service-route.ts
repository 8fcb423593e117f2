/**
 * Signing through a service: digests go there with the job's token, bundles come back, and each is
 * verified with the keys that the service publishes.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { checkLegacy, checkMade, type Expected } from '../src/artifacts/verify-answer.ts'
import type {
  ArtifactOutcome,
  MadeBundle,
  MadeLegacy,
  SignedBy,
} from '../src/client/service-answers.ts'
import {
  createServiceClient,
  type ServiceCallOptions,
  type ServiceClient,
  type SignatureRequest,
} from '../src/client/service-client.ts'
import { fileHashOf, publishedKeys, type ServiceKeys } from '../src/client/service-keys.ts'
import { CountersignError } from '../src/errors.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import type { SignFormat } from '../src/artifacts/attach-signature.ts'
import { assertIdentity, requestIdentity } from './identity.ts'
import type { ServiceKey } from './key-inputs.ts'
import { type MadeItem, type SigningKey, type SigningRoute, toDockerReference } from './made.ts'
import { type StepContext, variable } from './step.ts'
import type { ActionSubject } from './subjects.ts'
import { findSigner, type StepTrust } from './trust.ts'

/** Most artifacts of one request. */
const BATCH = 100
/** Subjects of one attestation: one entry of the log has room for their digests, long ones twice as much. */
const MAX_SUBJECTS = { sha256: 512, longer: 256 }

/**
 * Opens a key of a service; where it is said whose signatures count, its active version must be one of them.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — the job may not have a token; ERR_KEY_NOT_TRUSTED,
 * ERR_KEY_REVOKED, ERR_KEY_NOT_USABLE — nobody would accept what it signs; and the errors of reading what the
 * service publishes
 */
export async function openServiceRoute(
  key: ServiceKey,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<SigningRoute> {
  await assertIdentity(context)
  const keys = publishedKeys(key.server, context)
  const versions = (await keys.read()).versions.filter(({ name }) => name === key.name)
  const active = versions.find(({ state }) => state === 'active')
  if (trust !== undefined && active !== undefined) findSigner(trust, active.key.kid, key.name)
  const newest = versions.at(-1)
  // A key that is not published is the service's to refuse, in its own words.
  return new ServiceRoute(key, { keys, context, hash: fileHashOf(newest) ?? 'sha256' })
}

/** Opens a client of a service that calls as the job. */
export function openClient({ server, audience }: ServiceKey, context: StepContext): ServiceClient {
  const token = (): Promise<string> => requestIdentity(audience, context)
  return createServiceClient({ url: server, token, runtime: context.runtime })
}

/** Calls once more where the token was refused: it may have ended on the way, and every call asks for its own. */
export async function withFreshToken<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) throw error
    return call()
  }
}

/** One thing to be signed for a subject: its bundle, or its signature in cosign's older form. */
interface Wish {
  readonly subject: ActionSubject
  readonly request: SignatureRequest
}

interface Granted extends Wish {
  readonly signedBy: SignedBy
  readonly made: MadeBundle | MadeLegacy
}

class ServiceRoute implements SigningRoute {
  readonly described: string
  readonly provenance = 'made by the service, of the verified claims of the job'
  readonly ownTrust = undefined
  readonly hash: SigningRoute['hash']
  readonly #key: ServiceKey
  readonly #keys: ServiceKeys
  readonly #client: ServiceClient
  readonly #context: StepContext

  constructor(
    key: ServiceKey,
    parts: { keys: ServiceKeys; context: StepContext; hash: SigningRoute['hash'] },
  ) {
    this.#key = key
    this.#keys = parts.keys
    this.#context = parts.context
    this.#client = openClient(key, parts.context)
    this.hash = parts.hash
    this.described = `a key of ${key.audience}`
  }

  async sign(subjects: readonly ActionSubject[], format: SignFormat): Promise<readonly MadeItem[]> {
    const granted: Granted[] = []
    const wishes = subjects.flatMap((subject) => toWishes(subject, format))
    for (let at = 0; at < wishes.length; at += BATCH) {
      granted.push(...(await this.#signBatch(wishes.slice(at, at + BATCH))))
    }
    const items: MadeItem[] = []
    for (const subject of subjects) {
      const own = granted.filter((one) => one.subject === subject)
      items.push(await this.#join(subject, own))
    }
    return items
  }

  async attest(
    ...[subjects, predicate]: Parameters<SigningRoute['attest']>
  ): ReturnType<SigningRoute['attest']> {
    const items: MadeItem[] = []
    for (const some of toStatements(subjects)) items.push(await this.#attestOnce(some, predicate))
    return items
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  async #attestOnce(
    ...[subjects, predicate]: Parameters<SigningRoute['attest']>
  ): Promise<MadeItem> {
    const said = predicate === 'provenance' ? ({ provenance: true } as const) : predicate
    const request = { subjects: subjects.map(({ name, digest }) => ({ name, digest })), ...said }
    const options = this.#options(request)
    const made = await withFreshToken(() => this.#client.attest(this.#key.name, request, options))
    const expected =
      predicate === 'provenance' ? { predicateType: PROVENANCE_PREDICATE_TYPE } : predicate
    const bundle = await this.#check(made, made, { artifacts: toArtifacts(subjects), ...expected })
    const { predicateType } = expected
    return {
      subjects,
      predicateType,
      bundle: { bundle, predicateType },
      legacy: undefined,
      logIndex: made.logIndex,
      key: await this.#describe(made),
    }
  }

  async #signBatch(wishes: readonly Wish[]): Promise<readonly Granted[]> {
    const artifacts = wishes.map(({ request }) => request)
    const options = this.#options({ artifacts })
    const made = await withFreshToken(() => this.#client.sign(this.#key.name, artifacts, options))
    // A batch that is not whole is none: nothing of it is published.
    return wishes.map((wish, index) => {
      const result = takeResult(made.results[index])
      return { ...wish, signedBy: made, made: result }
    })
  }

  async #join(subject: ActionSubject, granted: readonly Granted[]): Promise<MadeItem> {
    const [first] = granted
    if (first === undefined) throw new RangeError('a subject that was not asked for')
    let item: MadeItem = {
      subjects: [subject],
      predicateType: SIGN_PREDICATE_TYPE,
      bundle: undefined,
      legacy: undefined,
      key: await this.#describe(first.signedBy),
    }
    for (const one of granted) {
      item = { ...item, ...(await this.#take(one)) }
      item = { ...item, logIndex: item.logIndex ?? one.made.logIndex }
    }
    return item
  }

  async #take({ subject, request, made, signedBy }: Granted): Promise<Partial<MadeItem>> {
    const { name } = subject
    const { digest, reference } = request
    if (reference === undefined) {
      if ('legacy' in made) throw unasked('the older layout')
      const artifacts = [{ name, digests: [digest] }]
      const bundle = await this.#check(signedBy, made, {
        artifacts,
        predicateType: SIGN_PREDICATE_TYPE,
      })
      return { bundle: { bundle, predicateType: SIGN_PREDICATE_TYPE } }
    }
    if ('bundle' in made) throw unasked('a bundle')
    const answered = { server: this.#key.audience, signedBy, legacy: made.legacy }
    const expected = { image: { name, digest }, reference, annotations: {} }
    const { now } = this.#context
    return { legacy: await checkLegacy(answered, expected, { keys: this.#keys, now }) }
  }

  #check(
    signedBy: SignedBy,
    made: MadeBundle,
    expected: Omit<Expected, 'annotations'>,
  ): Promise<Uint8Array> {
    const answered = { server: this.#key.audience, signedBy, made }
    const { now } = this.#context
    return checkMade(answered, { annotations: {}, ...expected }, { keys: this.#keys, now })
  }

  async #describe({ kid, version, key: name }: SignedBy): Promise<SigningKey> {
    const { versions } = await this.#keys.read(kid)
    return { kid, version, name, state: versions.find(({ key }) => key.kid === kid)?.state }
  }

  #options(request: object): ServiceCallOptions {
    const { signal } = this.#context
    const idempotencyKey = nameWish([this.#key.audience, this.#key.name, request], this.#context)
    return { signal, ...(idempotencyKey !== undefined && { idempotencyKey }) }
  }
}

/**
 * Names what a step wants, so that the service signs it once however often it is asked: the step of one
 * attempt of a job, and all it asks for.
 */
function nameWish(wish: unknown, context: StepContext): string | undefined {
  const names = ['GITHUB_REPOSITORY_ID', 'GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT', 'GITHUB_JOB']
  const run = [...names, 'GITHUB_ACTION'].map((name) => variable(context, name) ?? '')
  if (run[1] === '') return undefined
  return createHash('sha256')
    .update(JSON.stringify([run, wish]))
    .digest('hex')
}

/** Deals subjects out to statements that a service takes. */
function toStatements(
  subjects: readonly ActionSubject[],
): readonly (readonly [ActionSubject, ...ActionSubject[]])[] {
  const isShort = subjects.every(({ digest }) => digest.startsWith('sha256:'))
  const size = isShort ? MAX_SUBJECTS.sha256 : MAX_SUBJECTS.longer
  const [first, ...more] = subjects.slice(0, size)
  if (first === undefined) return []
  return [[first, ...more], ...toStatements(subjects.slice(size))]
}

function toWishes(subject: ActionSubject, format: SignFormat): readonly Wish[] {
  const { name, digest, image } = subject
  if (image === undefined) return [{ subject, request: { digest, kind: 'file', name } }]
  const bundle: Wish = { subject, request: { digest, kind: 'image', name } }
  if (format === 'bundle') return [bundle]
  const reference = toDockerReference(name)
  const request = { digest, kind: 'image', name, format: 'legacy', reference } as const
  const legacy: Wish = { subject, request }
  return format === 'legacy' ? [legacy] : [bundle, legacy]
}

function takeResult(result: ArtifactOutcome | undefined): MadeBundle | MadeLegacy {
  if (result === undefined) throw new RangeError('an answer that is shorter than the request')
  if ('error' in result) throw result.error
  return result
}

function unasked(what: string): CountersignError {
  return new CountersignError(
    'ERR_BUNDLE_INVALID',
    `the service returned ${what}, which was not requested`,
    { hint: 'check the version of the service' },
  )
}

function toArtifacts(subjects: readonly ActionSubject[]): Expected['artifacts'] {
  return subjects.map(({ name, digest }) => ({ name, digests: [digest] }))
}
