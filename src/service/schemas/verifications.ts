/** What verifying over HTTP takes; the answers are the documents of the command line. */
import * as Type from 'typebox'
import type { JsonObject } from '../../formats/json.ts'
import { MAX_TOKEN_CHARACTERS } from '../../formats/jws.ts'
import type { BundleQuestion, TokenQuestion } from '../operations/verify.ts'
import { strictObject } from './strict-object.ts'

const text = (description: string, maxLength = 1024): Type.TString =>
  Type.String({ minLength: 1, maxLength, description })

const count = Type.Optional(Type.Integer({ minimum: 0, maximum: 100 }))

const question = strictObject({
  bundle: Type.Optional(
    Type.Unsafe<JsonObject>({ type: 'object', description: 'A Sigstore bundle.' }),
  ),
  artifact: Type.Optional(
    strictObject({
      digest: text('`sha256:`, `sha384:` or `sha512:` and lower-case hex.', 160),
      name: Type.Optional(text('What the artifact is called.')),
    }),
  ),
  policy: Type.Optional(
    strictObject(
      {
        predicateTypes: Type.Optional(
          Type.Array(text('A URI, a short name, or `any`.'), { minItems: 1, maxItems: 20 }),
        ),
        annotations: Type.Optional(
          Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 4096 }), {
            maxProperties: 64,
          }),
        ),
        timestamps: count,
        logEntries: count,
        repository: Type.Optional(
          text('`OWNER/NAME` on github.com, or an address, that provenance must name.'),
        ),
        workflow: Type.Optional(text('Path of the workflow that provenance must name.')),
        builders: Type.Optional(
          Type.Array(text('Id of a builder.'), {
            minItems: 1,
            maxItems: 20,
            description: 'Whose provenance counts; left out, that of this service.',
          }),
        ),
      },
      { description: 'What is demanded of a bundle; left out, a plain signature.' },
    ),
  ),
  token: Type.Optional(text('A token (JWS compact).', MAX_TOKEN_CHARACTERS)),
  tokenPolicy: Type.Optional(
    strictObject(
      {
        audience: text('Whom the token must be for, or `any`.'),
        issuer: Type.Optional(text('Who must have issued it; left out, this service.')),
        type: Type.Optional(text('`typ` that it must have, or `any`; left out, `JWT`.', 100)),
        clockSkewSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
      },
      { description: 'What is demanded of a token.' },
    ),
  ),
})

/** A question as it comes: one of the two, which the route finds out. */
export type Question = Partial<BundleQuestion> & Partial<TokenQuestion>

/** Body of a request for a verification. */
export const verificationBody: Type.TUnsafe<Question> =
  Type.Unsafe<Type.Static<typeof question>>(question)

/** Answer: the result document of `verify --json` or `token verify --json`. */
export const verificationAnswer: Type.TUnsafe<object> = Type.Unsafe<object>(
  Type.Object({
    schema: Type.String({ description: 'Names the form of the document.' }),
    ok: Type.Boolean({
      description: 'False too where a signature is good but not what was asked.',
    }),
    exitCode: Type.Integer({ description: 'What the command line would end with.' }),
  }),
)
