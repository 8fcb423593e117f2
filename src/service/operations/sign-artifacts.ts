/** Signs a batch of artifacts that callers name by their digests. */
import { type Digest, parseDigest } from '../../crypto/digest.ts'
import { CountersignError, toCountersignError } from '../../errors.ts'
import type { Key } from '../../keys/key.ts'
import type { ActiveSigner, Keyring } from '../../rotation/keyring.ts'
import { signFile, signImage } from '../../signing/sign-artifact.ts'
import type { ServiceContext } from '../context.ts'
import { hasLostItsRight, withActiveSigner } from './active-signer.ts'
import { entryKey, release, type Released, type Request } from './release.ts'

/** One artifact; everything in it is the caller's word. */
export interface ArtifactRequest {
  readonly digest: string
  /** `file`: a signature over the bytes; `image`: over a statement about the manifest. */
  readonly kind: 'file' | 'image'
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** What came of one artifact, in the order of the request. */
export type ArtifactResult =
  | (Released & { readonly digest: Digest; readonly name?: string })
  | { readonly digest: Digest; readonly name?: string; readonly error: CountersignError }

/** What came of a batch. */
export interface SignedArtifacts {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly results: readonly ArtifactResult[]
}

interface Artifact extends Omit<ArtifactRequest, 'digest'> {
  readonly digest: Digest
}

/** What {@link signArtifacts} needs of the service. */
export type SigningContext = Pick<
  ServiceContext,
  'appender' | 'authorize' | 'keyring' | 'now' | 'stamperOf'
>

/**
 * Signs each artifact. One that can't be signed is a result with its error; where none can for a reason
 * that may pass, the whole batch fails, so that it is tried again.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — a digest is malformed; ERR_KEY_NOT_FOUND,
 * ERR_KEY_NOT_USABLE — no such key, no active version, or another use; ERR_NOT_ALLOWED — no policy permits
 * all of it; and retryable errors of backend and log
 */
export async function signArtifacts(
  context: SigningContext,
  keyName: string,
  requested: readonly ArtifactRequest[],
  request: Request,
): Promise<SignedArtifacts> {
  const artifacts = requested.map((one) => ({ ...one, digest: parseDigest(one.digest) }))
  const key = findKey(context.keyring, keyName)
  const subjects = artifacts.map(({ name = '', digest, annotations = {} }) => ({
    name,
    digests: [digest],
    annotations,
  }))
  await context.authorize(request.caller, { action: 'sign', key, subjects }, request.requestId)
  return withActiveSigner(context.keyring, { name: keyName, use: 'artifact' }, async (active) => {
    const results = await Promise.all(
      artifacts.map((artifact) => signOne(context, active, artifact, request)),
    )
    assertWorthAnAnswer(results)
    const { name, ...version } = entryKey(active)
    return { key: name, ...version, results }
  })
}

/**
 * Finds a key by name.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND
 */
export function findKey({ snapshot }: Pick<Keyring, 'snapshot'>, name: string): Key {
  const key = snapshot.keys.find((candidate) => candidate.name === name)
  if (key !== undefined) return key
  throw new CountersignError('ERR_KEY_NOT_FOUND', `there is no key "${name}"`, {
    hint: 'check the name; whoever runs the service defines keys in countersign.yaml',
  })
}

async function signOne(
  context: SigningContext,
  active: ActiveSigner,
  artifact: Artifact,
  request: Request,
): Promise<ArtifactResult> {
  const { digest, kind, name, annotations = {} } = artifact
  const about = { digest, ...(name === undefined ? {} : { name }) }
  const sign: Parameters<typeof release>[2]['sign'] = (options) =>
    kind === 'image'
      ? signImage(active.signer, { digest, annotations }, options)
      : signFile(active.signer, digest, options)
  try {
    const signable = { type: 'signature', digests: [digest], sign } as const
    return { ...about, ...(await release(context, active, signable, request)) }
  } catch (error) {
    return { ...about, error: toCountersignError(error) }
  }
}

/** An outage is no answer to remember, nor is a deadline that passed, nor a version that another follows. */
function assertWorthAnAnswer(results: readonly ArtifactResult[]): void {
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []))
  const [first] = errors
  const isOutage = errors.length === results.length && errors.every(isPassing)
  if (first !== undefined && isOutage) throw first
}

function isPassing(error: CountersignError): boolean {
  return error.retryable || hasLostItsRight(error)
}
