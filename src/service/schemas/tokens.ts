/** What issuing tokens takes and answers. */
import * as Type from 'typebox'
import type { JsonObject } from '../../formats/json.ts'
import type { IssueOrder } from '../operations/issue-token.ts'
import { strictObject } from './strict-object.ts'

const audience = Type.String({ minLength: 1, maxLength: 1000 })

const order = strictObject({
  audience: Type.Union([audience, Type.Array(audience, { minItems: 1, maxItems: 20 })], {
    description: 'Whom the token is for (`aud`).',
    examples: ['https://api.example.com'],
  }),
  claims: Type.Optional(
    Type.Unsafe<JsonObject>({
      type: 'object',
      description:
        'Claims besides `iss`, `aud`, `exp`, `iat`, `nbf` and `jti`, within the claim rules of the key.',
    }),
  ),
  lifetimeSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 30 * 86_400,
      description: 'Left out: 600, or the longest of the key where that is less.',
    }),
  ),
})

/** Body of a request for a token. */
export const tokenBody: Type.TUnsafe<IssueOrder> = Type.Unsafe<Type.Static<typeof order>>(order)

/** Answer to a request for a token. */
export interface TokenAnswer {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly token: string
  readonly jti: string
  readonly expires: string
  readonly logIndex: number
}

/** Schema of {@link TokenAnswer}. */
export const tokenAnswer: Type.TUnsafe<TokenAnswer> = Type.Unsafe<TokenAnswer>(
  Type.Object({
    key: Type.String({ description: 'Name of the key.' }),
    version: Type.Integer({ description: 'Version of the key that signed.' }),
    kid: Type.String({ description: 'RFC 7638 thumbprint of that version.' }),
    token: Type.String({ description: 'JWS compact. A bearer token: keep it secret.' }),
    jti: Type.String({ description: 'What the log knows the token by.' }),
    expires: Type.String({ format: 'date-time' }),
    logIndex: Type.Integer({ description: 'Of its entry in the audit log.' }),
  }),
)
