/** Where the commands of the log read it, and by which key they know it. */
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { type NoteKey, parseNoteKey } from '../src/formats/note-key.ts'
import { type LogServer, openLogServer } from '../src/log/http-source.ts'
import { type LogSource, openLogFolder } from '../src/log/source.ts'
import type { CommandEnvironment } from './command.ts'

/** Options that say where the log is. */
export interface LogSourceFlags {
  readonly server?: string | undefined
}

const MAX_KEY_BYTES = 4096

/**
 * Opens the log of a folder or a service; `server` is there for what only a service answers.
 *
 * @throws {@link CountersignError} ERR_USAGE — neither is named, or both
 */
export function openLog(
  folder: string | undefined,
  { server }: LogSourceFlags,
  environment: CommandEnvironment,
): { readonly source: LogSource; readonly server: LogServer | undefined } {
  if ((folder === undefined) === (server === undefined)) {
    const message = folder === undefined ? 'no log is named' : 'a folder and a server are named'
    throw new CountersignError('ERR_USAGE', message, {
      hint: 'name the folder of an exported log, or the service: --server https://HOST',
    })
  }
  if (folder !== undefined) return { source: openLogFolder(folder), server: undefined }
  const opened = openServer(server ?? '', environment)
  return { source: opened, server: opened }
}

/** Opens the log of a service. */
export function openServer(url: string, { context }: CommandEnvironment): LogServer {
  return openLogServer(url, { fetch: context.fetch, pause: context.pause })
}

/**
 * Reads the verifier key of a log: as it is, or from a file that holds it.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — it is malformed; ERR_FILE_READ — no such file
 */
export async function readLogKey(text: string): Promise<NoteKey> {
  if (/^[^+\s]+\+[0-9a-f]{8}\+/.test(text)) return parseNoteKey(text)
  const bytes = await readFileBounded(text, MAX_KEY_BYTES)
  return parseNoteKey(Buffer.from(bytes).toString().trim())
}
