/** How commands reach the keys of a service, and as whom. */
import { Option } from '@commander-js/extra-typings'
import {
  createKeyAdministration,
  type KeyAdministration,
} from '../src/client/key-administration.ts'
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import type { CommandEnvironment } from './command.ts'

/** Options that say which service, and who asks. */
export interface KeyServerFlags {
  readonly server: string
  readonly tokenFile?: string | undefined
}

const MAX_TOKEN_BYTES = 64 * 1024

/** `--token-file`: who asks. */
export function tokenFileOption(): Option<'--token-file <file>'> {
  return new Option(
    '--token-file <file>',
    'file with the identity token that says who you are (default: the environment’s COUNTERSIGN_TOKEN)',
  )
}

/**
 * Prepares to administer the keys of a service; nothing is sent yet.
 *
 * @throws {@link CountersignError} ERR_USAGE — not an address, or one that would send the token in the clear
 */
export function openKeyServer(
  { server, tokenFile }: KeyServerFlags,
  { context }: CommandEnvironment,
): KeyAdministration {
  if (!URL.canParse(server)) {
    throw new CountersignError('ERR_USAGE', `"${server}" is not an address`, {
      hint: 'write it as https://sign.example.com',
    })
  }
  const deadline = (ms: number): AbortSignal => AbortSignal.timeout(ms)
  return createKeyAdministration({
    url: new URL(server),
    token: () => readToken(tokenFile, context.env['COUNTERSIGN_TOKEN']),
    runtime: { fetch: context.fetch, deadline },
    signal: context.signal,
  })
}

async function readToken(file: string | undefined, given: string | undefined): Promise<string> {
  const text =
    file === undefined
      ? given
      : Buffer.from(await readFileBounded(file, MAX_TOKEN_BYTES)).toString('utf8')
  const token = text?.trim() ?? ''
  if (token !== '') return token
  throw new CountersignError('ERR_NOT_AUTHENTICATED', 'the service wants to know who asks', {
    hint: 'give an identity token with --token-file FILE, or in COUNTERSIGN_TOKEN',
  })
}
