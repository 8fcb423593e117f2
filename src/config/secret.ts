/** References to secrets: the configuration says where a secret is, never what it is. */
import { CountersignError } from '../errors.ts'
import { readFileBounded } from '../files.ts'
import type { Environment } from './environment.ts'

/** What a reference looks like: `file:PATH` or `env:NAME`. */
export const SECRET_PATTERN = '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$'

const MAX_SECRET_BYTES = 4096

/**
 * Reads the secret a reference points to; of a file, without the final line end.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — an empty file, an unset variable;
 * ERR_FILE_READ — the file is missing or not readable; ERR_INPUT_TOO_LARGE — over 4 KiB
 */
export async function readSecret(reference: string, env: Environment): Promise<string> {
  const secret = reference.startsWith('env:')
    ? env[reference.slice('env:'.length)]
    : await readSecretFile(reference.slice('file:'.length))
  if (secret !== undefined && secret !== '') return secret
  throw new CountersignError('ERR_CONFIG_INVALID', `there is no secret at "${reference}"`, {
    hint: 'set the variable, or fill the file',
  })
}

async function readSecretFile(path: string): Promise<string> {
  const bytes = await readFileBounded(path, MAX_SECRET_BYTES)
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
