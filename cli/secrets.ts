/**
 * Where passphrases and PINs come from: an option, the environment, or the person at the terminal;
 * never the value of an option, which other users of the machine could see.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import type { CommandEnvironment } from './run.ts'

/** Finds secrets when a key needs one; undefined where there is none to be had. */
export interface SecretSources {
  /** Passphrase of an encrypted key file. */
  readonly readPassphrase: (path: string) => Promise<string | undefined>
  /** Passphrase for a key file that is to be made; a person is asked twice, and may want none. */
  readonly readNewPassphrase: (path: string) => Promise<string | undefined>
  /** PIN of a PKCS#11 token, by its label. */
  readonly readPin: (token: string) => Promise<string | undefined>
}

/** Options that tell where secrets are. */
export interface SecretFlags {
  readonly passphraseFile?: string | undefined
}

const MAX_SECRET_BYTES = 4096

/**
 * Looks in this order: `--passphrase-file`, `COUNTERSIGN_PASSPHRASE` or `COUNTERSIGN_PKCS11_PIN`, what the
 * configuration points to, the terminal.
 */
export function createSecretSources(
  { context, terminal }: CommandEnvironment,
  flags: SecretFlags,
  configured: (path: string) => Promise<string | undefined> = () => Promise.resolve(undefined),
): SecretSources {
  const { env } = context
  const givenPassphrase = async (): Promise<string | undefined> => {
    if (flags.passphraseFile !== undefined) return readSecretFile(flags.passphraseFile)
    return nonEmpty(env['COUNTERSIGN_PASSPHRASE'])
  }
  const ask = async (prompt: string): Promise<string | undefined> =>
    nonEmpty(await terminal.askSecret(prompt))
  return {
    readPassphrase: async (path) =>
      (await givenPassphrase()) ?? (await configured(path)) ?? ask(`Passphrase of ${path}: `),
    readNewPassphrase: async (path) => {
      const given = await givenPassphrase()
      if (given !== undefined) return given
      const first = await ask(`Passphrase for ${path} (empty for none): `)
      if (first === undefined || first === (await ask('Again: '))) return first
      throw new CountersignError('ERR_USAGE', 'the two passphrases differ; nothing was written')
    },
    readPin: async (token) =>
      nonEmpty(env['COUNTERSIGN_PKCS11_PIN']) ?? ask(`PIN of the token "${token}": `),
  }
}

async function readSecretFile(path: string): Promise<string> {
  const text = Buffer.from(await readFileBounded(path, MAX_SECRET_BYTES)).toString('utf8')
  const secret = text.replace(/\r?\n$/, '')
  if (secret !== '') return secret
  throw new CountersignError('ERR_USAGE', `the passphrase file "${path}" is empty`)
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
