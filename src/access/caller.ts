/** Who calls, as established by authentication. */
import type { JsonObject } from '../formats/json.ts'

/** An authenticated caller. */
export interface Caller {
  /** `static`: a development token of the configuration. */
  readonly kind: 'oidc' | 'static'
  /** Exact issuer of the token; `static` for a development token. */
  readonly issuer: string
  readonly subject: string
  /** The verified claims, all of them. */
  readonly claims: JsonObject
}
