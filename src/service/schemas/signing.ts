/** What signing and attesting take and answer. */
import * as Type from 'typebox'
import { MAX_ARTIFACTS, MAX_SUBJECTS } from '../../client/service-limits.ts'
import type { JsonObject } from '../../formats/json.ts'
import type { AttestationOrder, Attested } from '../operations/attest-subjects.ts'
import type { Logged } from '../operations/release.ts'
import type { ArtifactRequest, ReleasedSignature } from '../operations/artifact-forms.ts'
import type { SignedArtifacts } from '../operations/sign-artifacts.ts'
import type { Problem } from '../http/problem.ts'
import { problemSchema } from './problem.ts'
import { strictObject } from './strict-object.ts'

/** A digest in a request. */
export const digest: Type.TString = Type.String({
  maxLength: 160,
  description: '`sha256:`, `sha384:` or `sha512:` and lower-case hex.',
  examples: ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
})

/** What a caller calls an artifact. */
export const name: Type.TString = Type.String({
  maxLength: 1024,
  description: 'What the artifact is called.',
})

/** What is stated of an artifact in its signature. */
export const annotations: Type.TRecord<string, Type.TString> = Type.Record(
  Type.String({ maxLength: 256 }),
  Type.String({ maxLength: 4096 }),
  {
    maxProperties: 64,
    description: 'Stated in the signature; not by a key whose use is `digest`.',
  },
)

const signatures = strictObject({
  artifacts: Type.Array(
    strictObject({
      digest,
      kind: Type.Enum(['file', 'image'], {
        description:
          'Whether it is the digest of a file, or of an image manifest or index. A key whose use is `artifact` signs a statement about either; one whose use is `digest` signs the digest of a file as it is.',
      }),
      name: Type.Optional(name),
      annotations: Type.Optional(annotations),
      format: Type.Optional(
        Type.Enum(['bundle', 'legacy'], {
          default: 'bundle',
          description:
            '`legacy`: a payload of the older cosign layout about an image, built by the service of `reference`, `digest` and `annotations`.',
        }),
      ),
      reference: Type.Optional(
        Type.String({
          maxLength: 1024,
          description: 'With `"format": "legacy"`: the name of the image that the payload states.',
          examples: ['ghcr.io/acme/app'],
        }),
      ),
    }),
    { minItems: 1, maxItems: MAX_ARTIFACTS },
  ),
})

/** Body of a request for signatures. */
export const signaturesBody: Type.TUnsafe<{ artifacts: ArtifactRequest[] }> =
  Type.Unsafe<Type.Static<typeof signatures>>(signatures)

const attestation = strictObject({
  subjects: Type.Array(strictObject({ digest, name: Type.Optional(name) }), {
    minItems: 1,
    maxItems: MAX_SUBJECTS,
  }),
  predicateType: Type.Optional(
    Type.String({
      maxLength: 1024,
      description: 'A URI, or a short name such as `cyclonedx`; not that of plain signatures.',
      examples: ['https://cyclonedx.org/bom'],
    }),
  ),
  predicate: Type.Optional(
    Type.Unsafe<JsonObject>({
      type: 'object',
      description:
        'What is said; at most 16 MiB. Its JSON is signed as it was sent, digit by digit; numbers beyond 2^53 are refused, as readers round them. It cannot name this service as its builder.',
    }),
  ),
  provenance: Type.Optional(
    Type.Boolean({
      description:
        'The service makes SLSA provenance v1 of the verified claims of the calling GitHub Actions workflow, in place of `predicateType` and `predicate`.',
    }),
  ),
})

/** Body of a request for an attestation. */
export const attestationBody: Type.TUnsafe<AttestationOrder> =
  Type.Unsafe<Type.Static<typeof attestation>>(attestation)

/** A bundle in an answer. */
export const bundle: Type.TUnsafe<JsonObject> = Type.Unsafe<JsonObject>({
  type: 'object',
  description: 'A Sigstore bundle (v0.3).',
})

/** Where the audit log has what was released. */
export const logIndex: Type.TInteger = Type.Integer({
  description: 'Of its entry in the audit log.',
})

/** The version that signed. */
export const signedBy: { key: Type.TString; version: Type.TInteger; kid: Type.TString } = {
  key: Type.String({ description: 'Name of the key.' }),
  version: Type.Integer({ description: 'Version of the key that signed.' }),
  kid: Type.String({ description: 'RFC 7638 thumbprint of that version.' }),
}

const about = { digest: Type.String(), name: Type.Optional(Type.String()) }

const signaturesMade = Type.Object({
  ...signedBy,
  results: Type.Array(
    Type.Union([
      Type.Object({ ...about, bundle, logIndex }),
      Type.Object({
        ...about,
        legacy: Type.Object({
          payload: Type.String({ description: 'Simple-signing payload, base64.' }),
          signature: Type.String({ description: 'Signature over the payload, base64.' }),
        }),
        logIndex,
      }),
      Type.Object({ ...about, problem: problemSchema }),
    ]),
    { description: 'One for each artifact, in the order of the request.' },
  ),
})

/** What a caller learns about one artifact. */
export type ArtifactAnswer =
  | (ReleasedSignature & Logged & { readonly digest: string; readonly name?: string })
  | { readonly digest: string; readonly name?: string; readonly problem: Problem }

/** What a caller learns about a batch. */
export interface SignaturesAnswer extends Omit<SignedArtifacts, 'results'> {
  readonly results: readonly ArtifactAnswer[]
}

/** Answer to a request for signatures. */
export const signaturesAnswer: Type.TUnsafe<SignaturesAnswer> =
  Type.Unsafe<Type.Static<typeof signaturesMade>>(signaturesMade)

const attestationMade = Type.Object({
  ...signedBy,
  predicateType: Type.String(),
  bundle,
  logIndex,
})

/** Answer to a request for an attestation. */
export const attestationAnswer: Type.TUnsafe<Attested> =
  Type.Unsafe<Type.Static<typeof attestationMade>>(attestationMade)
