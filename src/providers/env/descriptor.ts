/** Public keys in variables of the environment: `env://NAME`. */
import { invalidUri, type ProviderDescriptor } from '../descriptor.ts'

/** A public key in an environment variable. */
export interface EnvUri {
  readonly scheme: 'env'
  readonly name: string
}

const TEMPLATE = 'env://NAME'

/** Public keys in variables of the environment. */
export const env: ProviderDescriptor<EnvUri> = {
  scheme: 'env',
  title: 'a variable of the environment',
  template: TEMPLATE,
  examples: ['env://RELEASE_KEY'],
  isRemote: false,
  custody: 'public',
  parse(text) {
    const name = /^env:\/\/([A-Za-z_][A-Za-z0-9_]*)$/i.exec(text)?.[1]
    if (name === undefined) throw invalidUri(text, `expected ${TEMPLATE}`, TEMPLATE)
    return { scheme: 'env', name }
  },
  serialize: ({ name }) => `env://${name}`,
}
