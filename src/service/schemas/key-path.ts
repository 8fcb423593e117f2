/** The part of an address that names a key. */
import * as Type from 'typebox'

/** `/v1/keys/{key}`. */
export const keyParams: Type.TObject<{ key: Type.TString }> = Type.Object({
  key: Type.String({
    minLength: 1,
    maxLength: 63,
    description: 'Name of the key.',
    examples: ['release'],
  }),
})

/** The header under which an answer is remembered. */
export const idempotencyHeaders: Type.TObject = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'Up to 128 visible ASCII characters, new for every request that is not a retry: the same caller, key and request get the same answer, never a second signature.',
    }),
  ),
})
