/** What the administration of keys takes. */
import { SIGNING_PROVIDERS } from '../../providers/key-uri.ts'
import * as Type from 'typebox'
import { strictObject } from './strict-object.ts'

/** Why; goes into the log. */
interface Reasoned {
  readonly reason?: string
}

/** Body of a request for a new version. */
export interface CreateBody extends Reasoned {
  readonly key: string
  readonly publish?: boolean
}

/** Body of a request to take in a key pair that is there. */
export interface ImportBody extends Reasoned {
  readonly uri: string
}

/** Body of a request to move a version to another location of its key pair. */
export interface RelocateBody extends ImportBody {
  readonly version: number
}

/** Body of a request to rotate. */
export interface RotateBody extends Reasoned {
  readonly force?: boolean
}

/** Body of a request to activate or retire; without a version, the one that is plainly meant. */
export interface ActivateBody extends RotateBody {
  readonly version?: number
}

/** Body of a request to revoke. */
export interface RevokeBody extends ActivateBody {
  readonly mode: 'seamless' | 'flush'
  readonly compromisedSince?: string
}

/** Body of a request to destroy, or to take a destruction back. */
export interface DestroyBody extends Reasoned {
  readonly version: number
  readonly cancel?: boolean
}

const version = Type.Integer({ minimum: 1, description: 'Number of the version.' })

const reason = Type.Optional(
  Type.String({
    maxLength: 1000,
    description: 'Why; goes into the log. Needed where `force` is set.',
  }),
)

const force = Type.Optional(
  Type.Boolean({ description: 'Breaks a rule of rotation, which the log shows.' }),
)

const chosen = { version: Type.Optional(version), force, reason }

/** Schema of {@link CreateBody}. */
export const createBody: Type.TUnsafe<CreateBody> = Type.Unsafe<CreateBody>(
  strictObject({
    key: Type.String({ minLength: 1, maxLength: 63, description: 'A key of the configuration.' }),
    publish: Type.Optional(
      Type.Boolean({
        description: 'Whether it is published at once, as a standby.',
        default: true,
      }),
    ),
    reason,
  }),
)

const uri = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Reference to a key pair in the place that the key has as its provider.',
  examples: SIGNING_PROVIDERS.map(({ examples }) => examples[0]),
})

/** Schema of {@link ImportBody}. */
export const importBody: Type.TUnsafe<ImportBody> = Type.Unsafe<ImportBody>(
  strictObject({ uri, reason }),
)

/** Schema of {@link RelocateBody}. */
export const relocateBody: Type.TUnsafe<RelocateBody> = Type.Unsafe<RelocateBody>(
  strictObject({ version, uri, reason }),
)

/** Schema of {@link RotateBody}. */
export const rotateBody: Type.TUnsafe<RotateBody> = Type.Unsafe<RotateBody>(
  strictObject({ force, reason }),
)

/** Schema of {@link ActivateBody}. */
export const activateBody: Type.TUnsafe<ActivateBody> = Type.Unsafe<ActivateBody>(
  strictObject(chosen, { title: 'VersionChange' }),
)

/** Schema of {@link RevokeBody}. */
export const revokeBody: Type.TUnsafe<RevokeBody> = Type.Unsafe<RevokeBody>(
  strictObject({
    ...chosen,
    mode: Type.Enum(['seamless', 'flush'], {
      description:
        'What follows: the standby that verifiers hold, so that no token fails; or a version no verifier has seen, so that caches which refetch on an unknown `kid` alone drop the revoked one.',
    }),
    compromisedSince: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$',
        description: 'RFC 3339 in UTC: nothing signed from then on counts. Default: now.',
      }),
    ),
  }),
)

/** Schema of {@link DestroyBody}. */
export const destroyBody: Type.TUnsafe<DestroyBody> = Type.Unsafe<DestroyBody>(
  strictObject({
    version,
    cancel: Type.Optional(
      Type.Boolean({
        description: 'Takes a destruction back that the backend has only scheduled.',
      }),
    ),
    reason,
  }),
)

/** `?dryRun=true`. */
export interface PlanQuery {
  readonly dryRun?: boolean
}

/** Schema of {@link PlanQuery}. */
export const planQuery: Type.TUnsafe<PlanQuery> = Type.Unsafe<PlanQuery>(
  strictObject({
    dryRun: Type.Optional(
      Type.Boolean({ description: 'Answers what would be done, and changes nothing.' }),
    ),
  }),
)
