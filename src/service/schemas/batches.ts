/** What signing a batch takes and answers. */
import * as Type from 'typebox'
import { MAX_SUBJECTS } from '../../client/service-limits.ts'
import type { BatchedArtifact, ReleasedBatch } from '../operations/sign-batch.ts'
import { annotations, bundle, digest, logIndex, name, signedBy } from './signing.ts'
import { strictObject } from './strict-object.ts'

const batch = strictObject({
  artifacts: Type.Array(
    strictObject({
      digest,
      kind: Type.Enum(['file', 'image']),
      name: Type.Optional(name),
      annotations: Type.Optional(annotations),
    }),
    { minItems: 1, maxItems: MAX_SUBJECTS },
  ),
})

/** Body of a request for a batch. */
export const batchBody: Type.TUnsafe<{ artifacts: BatchedArtifact[] }> =
  Type.Unsafe<Type.Static<typeof batch>>(batch)

const member = Type.Object({
  digest: Type.String(),
  name: Type.Optional(Type.String()),
  statement: Type.String({ description: 'In-toto statement about the artifact, base64: a leaf.' }),
  index: Type.Integer({ description: 'Of the leaf.' }),
  hashes: Type.Array(Type.String(), {
    description: 'Hashes beside the path from the leaf to the root, lowest first, base64.',
  }),
})

const batchMade = Type.Object({
  ...signedBy,
  bundle,
  logIndex,
  members: Type.Array(member, { description: 'In the order of the request.' }),
})

/** Answer to a request for a batch. */
export const batchAnswer: Type.TUnsafe<ReleasedBatch> =
  Type.Unsafe<Type.Static<typeof batchMade>>(batchMade)
