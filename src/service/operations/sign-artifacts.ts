/**
 * Signs a batch of artifacts that callers name by their digests. What is signed is built here: a statement,
 * or a payload of the older cosign layout. Only a key that signs nothing else signs a caller's digest as it
 * is, since a digest can be that of a statement or a token.
 *
 * @packageDocumentation
 */
import type { RequestedSignature } from '../../access/action.ts'
import type { Digest } from '../../crypto/digest.ts'
import type { CountersignError } from '../../errors.ts'
import { ERROR_TRAITS, toCountersignError } from '../../errors.ts'
import type { ActiveSigner } from '../../rotation/keyring.ts'
import type { ServiceContext } from '../context.ts'
import { hasLostItsRight, withActiveSigner } from './active-signer.ts'
import {
  type RequestedArtifact,
  type ArtifactRequest,
  assertFits,
  namesOf,
  readArtifact,
  type ReleasedSignature,
  signerOf,
} from './artifact-forms.ts'
import { findKey } from './find-key.ts'
import { entryKey, type Logged, release, type Request } from './release.ts'
import { proveReleases, type Replay, type ReplayContext } from './replay.ts'

/** What came of one artifact, in the order of the request. */
export type ArtifactResult =
  | (ReleasedSignature & Logged & { readonly digest: Digest; readonly name?: string })
  | { readonly digest: Digest; readonly name?: string; readonly error: CountersignError }

/** What came of a batch. */
export interface SignedArtifacts {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly results: readonly ArtifactResult[]
}

/** What {@link signArtifacts} needs of the service. */
export type SigningContext = Pick<
  ServiceContext,
  'appender' | 'authorize' | 'keyring' | 'now' | 'stamperOf'
>

/**
 * Signs each artifact. One that can't be signed because of what it is, is a result with its error; where one
 * can't for any other reason the whole batch fails, so that it is tried again.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — a digest or image name is malformed;
 * ERR_REQUEST_INVALID — a form that the key does not sign; ERR_KEY_NOT_FOUND, ERR_KEY_NOT_USABLE — no such
 * key, no active version, or another use; ERR_NOT_ALLOWED — no policy permits all of it; and retryable errors
 * of backend and log
 */
export async function signArtifacts(
  context: SigningContext,
  keyName: string,
  requested: readonly ArtifactRequest[],
  request: Request,
): Promise<SignedArtifacts> {
  const { artifacts, use } = await permitArtifacts(context, keyName, requested, request)
  // Several releases are kept together, once all of them are made.
  const keeping = artifacts.length === 1 ? request.keeping : undefined
  return withActiveSigner(context.keyring, { name: keyName, use }, async (active) => {
    const results = await Promise.all(
      artifacts.map((artifact, place) =>
        signOne(context, active, artifact, {
          ...request,
          keeping,
          attempt: placed(request, place),
        }),
      ),
    )
    assertWorthAnAnswer(results)
    const { name, ...version } = entryKey(active)
    return { key: name, ...version, results }
  })
}

/**
 * Answers a batch again with what was kept of its first answer, if its caller may still ask for it.
 *
 * @throws {@link CountersignError} as {@link signArtifacts}, before it signs, and {@link proveReleases}
 */
export async function replayArtifacts(
  context: SigningContext & ReplayContext,
  keyName: string,
  requested: readonly ArtifactRequest[],
  { request, kept }: Replay,
): Promise<SignedArtifacts> {
  const { artifacts } = await permitArtifacts(context, keyName, requested, request)
  const attempts = artifacts.map((_artifact, place) => placed(request, place))
  const proven = await proveReleases<ReleasedSignature>(context, kept, attempts)
  const { name, ...version } = proven.key
  const results = proven.releases.flatMap((release, place) => {
    const artifact = artifacts[place]
    return artifact === undefined ? [] : [{ ...nameArtifact(artifact), ...release }]
  })
  return { key: name, ...version, results }
}

/** Each artifact of a batch is kept for its own place. */
function placed({ attempt }: Request, place: number): string | undefined {
  return attempt === undefined ? undefined : `${attempt} ${place}`
}

/**
 * Reads the artifacts of a request, and has policies decide about all of them at once.
 *
 * @throws {@link CountersignError} as {@link signArtifacts}, before it signs
 */
export async function permitArtifacts(
  context: SigningContext,
  keyName: string,
  requested: readonly ArtifactRequest[],
  request: Request,
): Promise<{
  readonly artifacts: readonly RequestedArtifact[]
  readonly use: 'digest' | 'artifact'
}> {
  const artifacts = requested.map(readArtifact)
  const key = findKey(context.keyring, keyName)
  const subjects = artifacts.flatMap(toSubjects)
  const use = key.use === 'digest' ? 'digest' : 'artifact'
  const action = use === 'digest' ? 'signDigest' : 'sign'
  await context.authorize(request.caller, { action, key, subjects }, request.requestId)
  assertFits(key, artifacts)
  return { artifacts, use }
}

/** Every name that is stated of an artifact is decided on, with what is stated beside it. */
function toSubjects(artifact: RequestedArtifact): readonly RequestedSignature[] {
  const { digest, annotations = {} } = artifact
  return namesOf(artifact).map((name) => ({ name, digests: [digest], annotations }))
}

async function signOne(
  context: SigningContext,
  active: ActiveSigner,
  artifact: RequestedArtifact,
  request: Request,
): Promise<ArtifactResult> {
  const about = nameArtifact(artifact)
  try {
    const sign = signerOf(active, artifact)
    const signable = { type: 'signature', digests: [about.digest], sign } as const
    return { ...about, ...(await release(context, active, signable, request)) }
  } catch (error) {
    return { ...about, error: toCountersignError(error) }
  }
}

/** What an answer repeats of an artifact. */
export function nameArtifact({ digest, name }: RequestedArtifact): {
  readonly digest: Digest
  readonly name?: string
} {
  return { digest, ...(name === undefined ? {} : { name }) }
}

/**
 * What failed for one artifact and not because of it fails the batch. As an answer it would be remembered, and
 * fail every retry; nothing was released, so all of it may be signed again.
 */
function assertWorthAnAnswer(results: readonly ArtifactResult[]): void {
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []))
  const first = errors.find(isOurs)
  if (first !== undefined) throw first
}

/** An outage, a deadline that passed, a fault of the backend, a version that another follows. */
function isOurs(error: CountersignError): boolean {
  return error.retryable || ERROR_TRAITS[error.code].http >= 500 || hasLostItsRight(error)
}
