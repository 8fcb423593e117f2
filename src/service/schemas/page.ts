/** Answers that are not JSON of a schema of ours, as the API description says them. */
import * as Type from 'typebox'

/** What a route answers whose body is a document of another standard. */
export interface PageSchema {
  readonly description: string
  readonly content: Readonly<Record<string, { readonly schema: Type.TSchema }>>
}

/** Describes an answer by its media type. */
export function pageOf(mediaType: string, description: string): PageSchema {
  const isText = /json$|^text\/|pem/.test(mediaType)
  const schema = mediaType.endsWith('json') ? Type.Object({}) : Type.String(isText ? {} : BINARY)
  return { description, content: { [mediaType]: { schema } } }
}

const BINARY = { contentEncoding: 'binary' }

/** Describes the answer to a client that has the newest version already. */
export const NOT_MODIFIED: { readonly description: string; readonly type: 'null' } = {
  description: 'It is as you have it.',
  type: 'null',
}
