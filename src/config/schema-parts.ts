/** The small pieces that the sections of the schema are made of. */
import * as Type from 'typebox'
import { type Bounds, type FormName, FORMS } from './forms.ts'

/** Mappings have the members they are described with, and no others. */
export const STRICT = { additionalProperties: false } as const

/** What the documentation says of a setting. */
export interface About extends Bounds {
  readonly description: string
  readonly examples?: readonly unknown[]
  readonly default?: unknown
}

/** A text of a form. */
export function text(form: FormName, about: About): Type.TString {
  const { pattern } = FORMS[form]
  return Type.String({ ...about, form, ...(pattern === undefined ? {} : { pattern }) })
}

/** A duration within bounds, both included. */
export function duration(
  least: string,
  most: string,
  about: Omit<About, 'least' | 'most'>,
): Type.TString {
  return text('duration', { ...about, least, most })
}

/** A list of texts that are not empty. */
export function names(about: Omit<About, 'least' | 'most'>): Type.TArray<Type.TString> {
  return Type.Array(Type.String({ minLength: 1, description: 'A name.' }), { ...about })
}
