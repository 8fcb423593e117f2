/** Public keys in variables of the environment, for verification only. */
import { CountersignError } from '../../errors.ts'
import type { KeySource } from '../key-source.ts'
import { type KeyProvider, wrongScheme } from '../provider.ts'
import { createPublicKeySource } from '../public-key-source.ts'
import type { Surroundings } from '../surroundings.ts'

/** Reads keys from the environment. */
export function openEnvironment({ env }: Pick<Surroundings, 'env'>): KeyProvider {
  return createPublicKeySource(async (uri) => {
    if (uri.scheme !== 'env') throw wrongScheme('env', uri)
    return Promise.resolve([variableSource(uri.name), Buffer.from(readVariable(uri.name, env))])
  })
}

function variableSource(name: string): KeySource {
  const file = `${name}.key`
  return { name: `"env://${name}"`, file, save: `printf '%s\\n' "$${name}" > ${file}` }
}

function readVariable(name: string, env: Surroundings['env']): string {
  const text = env[name]
  if (text !== undefined && text.trim() !== '') return text
  throw new CountersignError('ERR_KEY_NOT_FOUND', `the environment has no key in ${name}`, {
    hint: `set it to the public key: export ${name}="$(cat key.pub)"`,
  })
}
