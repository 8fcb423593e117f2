/** Asking for a passphrase or a PIN on the terminal, without echo. */
import { CountersignError } from '../src/errors.ts'
import type { Context } from './context.ts'

const ENTER = ['\r', '\n', '\u0004']
const INTERRUPT = '\u0003'
const ERASE = ['\u007f', '\b']

interface RawInput {
  setRawMode(raw: boolean): unknown
}

function isRawInput(stdin: object): stdin is RawInput {
  return 'setRawMode' in stdin && typeof stdin.setRawMode === 'function'
}

/**
 * Reads one line with the terminal's echo off.
 *
 * @throws {@link CountersignError} ERR_CANCELLED — Ctrl-C
 */
export async function askSecret(prompt: string, context: Context): Promise<string | undefined> {
  const { stdin, stderr } = context
  if (!isRawInput(stdin)) return undefined
  stderr.write(prompt)
  stdin.setRawMode(true)
  try {
    return await readLine(stdin)
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}

async function readLine(stdin: Context['stdin']): Promise<string> {
  let line = ''
  for await (const chunk of stdin) {
    for (const character of Buffer.from(chunk).toString('utf8')) {
      if (character === INTERRUPT) throw new CountersignError('ERR_CANCELLED', 'cancelled')
      if (ENTER.includes(character)) return line
      line = ERASE.includes(character) ? line.slice(0, -1) : line + character
    }
  }
  return line
}
