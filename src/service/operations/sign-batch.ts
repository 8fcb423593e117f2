/** Signs artifacts as one batch: one operation of the key, one entry in each log, one proof for each artifact. */
import { encodeBase64 } from '../../crypto/base64.ts'
import { createBatch, type Batch } from '../../signing/sign-batch.ts'
import {
  artifactStatement,
  signAnyStatement,
  type SignArtifactOptions,
} from '../../signing/sign-artifact.ts'
import { withActiveSigner } from './active-signer.ts'
import type { ArtifactRequest, RequestedArtifact } from './artifact-forms.ts'
import {
  entryKey,
  release,
  type Released,
  type ReleasedBundle,
  type Request,
  type Signed,
  toSigned,
} from './release.ts'
import { proveOnlyRelease, type Replay, type ReplayContext } from './replay.ts'
import { nameArtifact, permitArtifacts, type SigningContext } from './sign-artifacts.ts'

/** An artifact of a batch, by its digest; everything in it is the caller's word. */
export type BatchedArtifact = Pick<ArtifactRequest, 'annotations' | 'digest' | 'kind' | 'name'>

/** Where an artifact's statement is in the batch; what is base64 here is bytes there. */
export interface ReleasedMember {
  readonly digest: string
  readonly name?: string
  readonly statement: string
  readonly index: number
  readonly hashes: readonly string[]
}

/** A batch that was signed: the bundle of its statement, and its members in the order of the request. */
export interface ReleasedBatch extends Released {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly members: readonly ReleasedMember[]
}

/**
 * Signs artifacts as one batch. Policies decide about each of them, and the entry in the audit log has the digests of
 * all: nothing is signed unless all may be.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — a digest is malformed; ERR_KEY_NOT_FOUND,
 * ERR_KEY_NOT_USABLE — no such key, no active version, or another use; ERR_NOT_ALLOWED — no policy permits all of it;
 * ERR_INPUT_TOO_LARGE — more digests than an entry of the log holds; and what backend and log throw
 */
export async function signArtifactBatch(
  context: SigningContext,
  keyName: string,
  requested: readonly BatchedArtifact[],
  request: Request,
): Promise<ReleasedBatch> {
  const { artifacts } = await permitArtifacts(context, keyName, requested, request)
  const batch = toBatch(artifacts)
  const digests = artifacts.map(({ digest }) => digest)
  return withActiveSigner(context.keyring, { name: keyName, use: 'artifact' }, async (active) => {
    const sign = async (options: SignArtifactOptions): Promise<Signed<ReleasedBundle>> =>
      toSigned(await signAnyStatement(active.signer, batch.statement, options))
    const released = await release(context, active, { type: 'signature', digests, sign }, request)
    const { name, ...version } = entryKey(active)
    return { key: name, ...version, ...released, members: toMembers(batch, artifacts) }
  })
}

/**
 * Answers again with what was kept of a batch, if its caller may still ask for it. Its members follow from the
 * request, which what was kept is bound to.
 *
 * @throws {@link CountersignError} as {@link signArtifactBatch}, before it signs, and {@link proveOnlyRelease}
 */
export async function replayBatch(
  context: SigningContext & ReplayContext,
  keyName: string,
  requested: readonly BatchedArtifact[],
  replay: Replay,
): Promise<ReleasedBatch> {
  const { artifacts } = await permitArtifacts(context, keyName, requested, replay.request)
  const released = await proveOnlyRelease<ReleasedBundle>(context, replay)
  const members = toMembers(toBatch(artifacts), artifacts)
  return { ...released, members }
}

function toBatch(artifacts: readonly RequestedArtifact[]): Batch {
  return createBatch(
    artifacts.map(({ digest, annotations = {} }) => artifactStatement({ digest, annotations })),
  )
}

function toMembers(
  { membership }: Batch,
  artifacts: readonly RequestedArtifact[],
): readonly ReleasedMember[] {
  return artifacts.map((artifact, place) => {
    const { statement, index, hashes } = membership(place)
    return {
      ...nameArtifact(artifact),
      statement: encodeBase64(statement),
      index,
      hashes: hashes.map((hash) => encodeBase64(hash)),
    }
  })
}
