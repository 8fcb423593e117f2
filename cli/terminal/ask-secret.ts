/** Asking for a passphrase or a PIN on the terminal, without echo. */
import { CountersignError } from '../../src/errors.ts'
import type { Context } from '../context.ts'

const ENTER = ['\r', '\n', '\u0004']
const INTERRUPT = '\u0003'
const ERASE = ['\u007f', '\b']

/** What a terminal's input can beside being read. */
interface RawInput {
  setRawMode(raw: boolean): unknown
  on(event: 'data' | 'end', listener: (chunk: Uint8Array) => void): this
  off(event: 'data' | 'end', listener: (chunk: Uint8Array) => void): this
  pause(): this
  resume(): this
}

function isRawInput(stdin: object): stdin is RawInput {
  return 'setRawMode' in stdin && typeof stdin.setRawMode === 'function'
}

/**
 * Reads one line with the terminal's echo off; undefined where there is no terminal to read from.
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

/** Iterating over the input would close it behind the first answer, and there may be a second question. */
function readLine(stdin: RawInput): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder()
    let line = ''
    const end = (): void => {
      stdin.off('data', take).off('end', end)
      // At once: the next chunk answers the next question. And what is read keeps the process alive.
      stdin.pause()
      resolve(line)
    }
    const take = (chunk: Uint8Array): void => {
      for (const character of decoder.decode(chunk, { stream: true })) {
        if (character === INTERRUPT) reject(new CountersignError('ERR_CANCELLED', 'cancelled'))
        if (character === INTERRUPT || ENTER.includes(character)) {
          end()
          return
        }
        line = ERASE.includes(character) ? line.slice(0, -1) : line + character
      }
    }
    stdin.on('data', take).on('end', end).resume()
  })
}
