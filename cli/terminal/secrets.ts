/**
 * Where passphrases and PINs come from: an option, the environment, or the person at the terminal;
 * never the value of an option, which other users of the machine could see.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import type { SecretRequest } from '../../src/providers/surroundings.ts'
import type { CommandEnvironment } from '../command.ts'

/** Finds secrets when a key needs one; undefined where none is available. */
export interface SecretSources {
  /** Passphrase of an encrypted key file. */
  readonly readPassphrase: (path: string) => Promise<string | undefined>
  /** Passphrase for a new key file; undefined if the user explicitly declined one. */
  readonly readNewPassphrase: (path: string) => Promise<string | undefined>
  /** Any other secret that a provider needs, such as the PIN of a token. */
  readonly readSecret: (secret: SecretRequest) => Promise<string | undefined>
}

/** Options that tell where secrets are. */
export interface SecretFlags {
  readonly passphraseFile?: string | undefined
  /** `--no-passphrase`: a new key file is not encrypted. */
  readonly passphrase?: boolean | undefined
}

const MAX_SECRET_BYTES = 4096

/**
 * Looks in this order: `--passphrase-file`, `COUNTERSIGN_PASSPHRASE` or the provider's own variable, what the
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
  // A key that asks for a login for each signature needs it many times in one command.
  const answers = new Map<string, Promise<string | undefined>>()
  const askOnce = (prompt: string): Promise<string | undefined> => {
    const asked = answers.get(prompt) ?? ask(prompt)
    answers.set(prompt, asked)
    return asked
  }
  return {
    readPassphrase: async (path) =>
      (await givenPassphrase()) ?? (await configured(path)) ?? ask(`Passphrase of ${path}: `),
    readNewPassphrase: async (path) => {
      if (flags.passphrase === false) return undefined
      const given = await givenPassphrase()
      if (given !== undefined) return given
      const first = await terminal.askSecret(`Passphrase for ${path} (empty for none): `)
      if (first === undefined) throw noPassphrase(path)
      if (first === '') return undefined
      if (first === (await terminal.askSecret('Again: '))) return first
      throw new CountersignError('ERR_USAGE', 'the two passphrases differ; nothing was written')
    },
    readSecret: async ({ variable, prompt }) => nonEmpty(env[variable]) ?? askOnce(prompt),
  }
}

/** A key in the clear is never what silence means. */
function noPassphrase(path: string): CountersignError {
  return new CountersignError('ERR_USAGE', `no passphrase given for the new key "${path}"`, {
    hint: 'set COUNTERSIGN_PASSPHRASE, give --passphrase-file FILE, or --no-passphrase',
  })
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
