/** Objects of requests: an unknown member is refused, since it may be a misspelled restriction. */
import * as Type from 'typebox'

/** Makes the schema of an object that has these members and no others. */
export function strictObject<P extends Type.TProperties>(
  properties: P,
  about: { readonly title?: string; readonly description?: string } = {},
): Type.TObject<P> {
  return Type.Object(properties, { ...about, additionalProperties: false })
}
