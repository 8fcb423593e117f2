/** The forms of a KEY as help names them, from the table of providers. */
import { joinOr, PROVIDERS, SIGNING_PROVIDERS } from '../../src/providers/key-uri.ts'

type Named = Pick<(typeof PROVIDERS)[number], 'isDefault' | 'scheme'>

function formOf({ isDefault, scheme }: Named): string {
  return isDefault === true ? scheme : `${scheme}:`
}

/** What a key that signs is given as. */
export const SIGNING_KEY_FORMS: string = joinOr(['a name', ...SIGNING_PROVIDERS.map(formOf)])

/** As {@link SIGNING_KEY_FORMS}, where a name is not accepted. */
export const SIGNING_KEY_REFERENCES: string = joinOr(SIGNING_PROVIDERS.map(formOf))

/** What a public key is given as. */
export const PUBLIC_KEY_FORMS: string = ['a name', ...PROVIDERS.map(formOf)].join(', ')

/** How a reference to a new key is written. */
export const NEW_KEY_TEMPLATES: string = SIGNING_PROVIDERS.map(({ template }) => template).join(
  ', ',
)

/** Where keys are made. */
export const KEY_HOMES: string = joinOr(SIGNING_PROVIDERS.map(({ title }) => title))
