/** Problem documents in the API description. */
import * as Type from 'typebox'
import type { Problem } from '../http/problem.ts'

const problem = Type.Object(
  {
    type: Type.String({ description: 'Names the kind of problem.' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({
      description: 'Stable; see docs/errors.md.',
      examples: ['ERR_KEY_NOT_FOUND'],
    }),
    detail: Type.String({ description: 'What happened, for people.' }),
    hint: Type.Optional(Type.String({ description: 'What to do next.' })),
    reason: Type.Optional(
      Type.String({
        description: 'Stable name of the cause; see docs/errors.md.',
        examples: ['no-such-key'],
      }),
    ),
    path: Type.Optional(
      Type.String({ description: 'JSON Pointer to the member of the request that is wrong.' }),
    ),
    approval: Type.Optional(
      Type.Object(
        {},
        {
          description:
            'What others have to approve: `approvalId`, `requestSha256`, `needed`, `missing`, `expires`.',
        },
      ),
    ),
    expected: Type.Optional(
      Type.String({ description: 'What an identity token must say, where it is not accepted.' }),
    ),
    actual: Type.Optional(Type.String({ description: 'What it says instead.' })),
    requestId: Type.String({ description: 'Under which the service logged it.' }),
    retryable: Type.Boolean({ description: 'Whether the same request may succeed later.' }),
  },
  { title: 'Problem', description: 'A problem document (RFC 9457).' },
)

/** RFC 9457, with the members of ours. */
export const problemSchema: Type.TUnsafe<Problem> = Type.Unsafe<Problem>(problem)
