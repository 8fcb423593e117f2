/**
 * What a step says to the runner: commands in its log, and files the runner reads when it has ended
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import type { Environment } from '../src/config/environment.ts'
import { CountersignError } from '../src/errors.ts'
import { printableLines } from '../src/formats/printable.ts'

/** How a remark is shown beside the run. */
export type Level = 'error' | 'warning' | 'notice'

/** The log of a step. */
export interface StepLog {
  /** Writes lines. They never become workflow commands, even when the text is untrusted. */
  say(text: string): void
  /** Has the runner replace a value wherever it is printed from now on. */
  mask(secret: string): void
  annotate(level: Level, title: string, message: string): void
}

/** Makes the log of a step that writes to the runner. */
export function createStepLog(write: (text: string) => unknown): StepLog {
  return {
    say: (text) => {
      write(`${toPlain(text)}\n`)
    },
    mask: (secret) => {
      // The runner masks line by line; an empty mask would hide everything.
      for (const line of secret.split(/\r?\n/).filter((part) => part.trim() !== '')) {
        write(`::add-mask::${escapeData(line)}\n`)
      }
    },
    annotate: (level, title, message) => {
      const said = escapeData(toPlain(message))
      write(`::${level} title=${escapeProperty(toPlain(title))}::${said}\n`)
    },
  }
}

/** Characters that the runner's comparison of texts, made for people's languages, does not see. */
const IGNORED = '\\p{M}\\p{Default_Ignorable_Code_Point}'
/** A command where it starts a line, blanks aside. */
const NEW_COMMAND = new RegExp(`^(?=[[\\s--\\n]${IGNORED}]*:[${IGNORED}]*:)`, 'gmv')
/** A command of the older form, anywhere in a line. */
const OLD_COMMAND = new RegExp(`#(?=[${IGNORED}]*#[${IGNORED}]*\\[)`, 'gv')

/**
 * Keeps texts of others, file names above all, from becoming commands to the runner, and from ending a line:
 * control and format characters become visible escapes.
 */
function toPlain(text: string): string {
  return printableLines(text).replaceAll(NEW_COMMAND, '|').replaceAll(OLD_COMMAND, '#|')
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/**
 * Sets outputs, all at once.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — the runner's file takes nothing: a full disk
 */
export async function writeOutputs(
  outputs: Readonly<Record<string, string>>,
  env: Environment,
): Promise<void> {
  const lines = Object.entries(outputs).map(([name, value]) => {
    // Random, so that no value can hold its own end.
    const end = `ghadelimiter_${randomUUID()}`
    return `${name}<<${end}\n${value}\n${end}\n`
  })
  await append(env['GITHUB_OUTPUT'], lines.join(''))
}

/** Adds to the job summary; throws as {@link writeOutputs}. */
export async function writeSummary(markdown: string, env: Environment): Promise<void> {
  await append(env['GITHUB_STEP_SUMMARY'], markdown)
}

/** Adds a line to a file of the job; throws as {@link writeOutputs}. */
export async function appendLine(path: string, line: string): Promise<void> {
  await append(path, `${line}\n`)
}

/** Outside a runner there is no such file, so nothing is written. */
async function append(path: string | undefined, text: string): Promise<void> {
  if (path === undefined || path === '' || text === '') return
  try {
    await appendFile(path, text)
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new CountersignError('ERR_FILE_WRITE', `can't write "${path}": ${errno}`, {
      hint: errno === 'ENOSPC' ? 'free some space on the runner' : undefined,
      details: { path, errno },
      cause,
    })
  }
}
