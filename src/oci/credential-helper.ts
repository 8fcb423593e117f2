/**
 * Docker's credential helper protocol: `docker-credential-NAME get`, the server's name on standard
 * input, the credentials as JSON on standard output.
 *
 * @packageDocumentation
 */
import { spawn } from 'node:child_process'
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import type { Credentials } from './auth-file.ts'
import { printableExcerpt } from '../formats/printable.ts'

/** Environment of a process: where the helper is looked for, and what it may need. */
export type Variables = Readonly<Record<string, string | undefined>>

/** How a helper is run. */
export interface HelperOptions {
  readonly variables: Variables
  /** Default 60 s: a helper may ask for a finger or a PIN. */
  readonly timeoutMs?: number | undefined
}

interface HelperOutcome {
  readonly exitCode: number | null
  readonly stdout: string
}

const DEFAULT_TIMEOUT_MS = 60_000
const MAX_OUTPUT = 1024 * 1024
const NOT_FOUND = 'credentials not found in native keychain'

/**
 * Asks a helper for the credentials of a server; undefined where it has none.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the name is not one of a helper, there is no such
 * program, or its answer is not credentials; ERR_TIMEOUT — it did not answer; ERR_NOT_AUTHENTICATED — it
 * failed
 */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  // The name becomes part of a program's name, as in "desktop.exe": no path, no second word.
  if (!/^[^/\\\s\p{C}]+$/u.test(name))
    throw unusable(printableExcerpt(name), 'it is not the name of a helper')
  const program = `docker-credential-${name}`
  const { exitCode, stdout } = await run(program, server, options)
  if (exitCode === 0) return parseAnswer(program, stdout)
  if (stdout.includes(NOT_FOUND)) return undefined
  throw new CountersignError(
    'ERR_NOT_AUTHENTICATED',
    `${program} failed for ${server}: ${printableExcerpt(stdout) || 'it gave no reason'}`,
    { hint: `run: echo ${server} | ${program} get`, details: { helper: program } },
  )
}

function run(program: string, input: string, options: HelperOptions): Promise<HelperOutcome> {
  const { variables, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...variables },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const end = (): void => {
      child.kill('SIGKILL')
      // What the helper itself started may hold the pipe open.
      child.stdout.destroy()
    }
    const timer = setTimeout(end, timeoutMs)
    const chunks: Buffer[] = []
    let length = 0
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_OUTPUT) end()
    })
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(unusable(program, 'it could not be started', cause))
    })
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer)
      if (length > MAX_OUTPUT) reject(unusable(program, 'its answer is too long'))
      else if (signal !== null) reject(noAnswer(program))
      else resolve({ exitCode, stdout: Buffer.concat(chunks).toString('utf8') })
    })
    // A helper that exits without reading is judged by its exit status, not by the broken pipe.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

function parseAnswer(program: string, stdout: string): Credentials | undefined {
  const answer = readObject(parseAnswerJson(program, stdout), (why) => unusable(program, why))
  const [username, secret] = [answer.text('Username'), answer.text('Secret')]
  if (username === '' && secret === '') return undefined
  const source = program
  if (username === '<token>') return { kind: 'identity-token', token: secret, source }
  return { kind: 'password', username, password: secret, source }
}

function parseAnswerJson(program: string, stdout: string): ReturnType<typeof parseJson> {
  try {
    return parseJson(stdout.trim())
  } catch {
    // The parser's error is dropped: nothing that may quote a secret is kept as a cause.
    throw unusable(program, 'its answer is not JSON')
  }
}

function unusable(helper: string, why: string, cause?: unknown): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `cannot use the credential helper "${helper}": ${why}`,
    { hint: 'install it on PATH, or take it out of the credential file', cause },
  )
}

function noAnswer(program: string): CountersignError {
  return new CountersignError('ERR_TIMEOUT', `${program} was killed or gave no answer in time`, {
    hint: 'run it by hand to see what it waits for',
    details: { helper: program },
  })
}
