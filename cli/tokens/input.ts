/**
 * Where tokens come from. A token is a secret while it lives, so standard input and files come before the
 * command line, which other users of the machine can see.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { MAX_TOKEN_CHARACTERS } from '../../src/formats/jws.ts'
import type { CommandEnvironment } from '../command.ts'
import { readStdinBounded } from '../terminal/stdin.ts'

/** Options that tell where the token is. */
export interface TokenFlags {
  readonly tokenFile?: string | undefined
}

/** As long as a token may be, with blanks and line ends around it. */
const MAX_BYTES = MAX_TOKEN_CHARACTERS + 1024

/**
 * Reads the one token of a command line: its argument, standard input (`-`) or a file; blanks around it in
 * the latter two are ignored.
 *
 * @throws {@link CountersignError} ERR_USAGE — none, or two; ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export async function readTokenInput(
  argument: string | undefined,
  { tokenFile }: TokenFlags,
  { context, terminal }: CommandEnvironment,
): Promise<string> {
  if ((argument === undefined) === (tokenFile === undefined)) {
    const message = tokenFile === undefined ? 'no token was given' : 'two tokens were given'
    throw new CountersignError('ERR_USAGE', message, {
      hint: 'give one token: on standard input (-) or with --token-file FILE',
    })
  }
  if (tokenFile !== undefined) return toText(await readFileBounded(tokenFile, MAX_BYTES))
  if (argument === '-') return toText(await readStdinBounded(context, MAX_BYTES, 'token'))
  terminal.say(
    'warning: other users of this machine can read a token on the command line; give it on standard input (-) or with --token-file',
  )
  return argument ?? ''
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8').trim()
}
