/** Where the commands of the log read it, and by which key they know it. */
import { assertPrivate } from '../../src/client/service-address.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { type NoteKey, parseNoteKey } from '../../src/formats/note-key.ts'
import { type LogServer, openLogServer } from '../../src/log/http-source.ts'
import { CHECKPOINT_PATH } from '../../src/log/paths.ts'
import { type LogSource, openLogFolder, type ReadOptions } from '../../src/log/source.ts'
import type { CommandEnvironment } from '../command.ts'
import { callerToken, parseServer, type ServiceFlags } from '../service/client.ts'

/** Options that say where the log is. */
export interface LogSourceFlags extends ServiceFlags {
  /** The audit log, which is read with a token. */
  readonly isAudit?: boolean
  /** A transparency log that is not public, which is read with a token too. */
  readonly isUnlisted?: boolean
}

/** A log, and the service whose it is. */
export interface OpenedLog {
  readonly source: LogSource
  readonly server: LogServer | undefined
}

const MAX_KEY_BYTES = 4096

/**
 * Opens the log of a folder or a service; `server` is there for what only a service answers.
 *
 * @throws {@link CountersignError} ERR_USAGE — neither is named, or both; and those of reading
 */
export async function openLog(
  folder: string | undefined,
  flags: LogSourceFlags,
  environment: CommandEnvironment,
): Promise<OpenedLog> {
  const { server } = flags
  if ((folder === undefined) === (server === undefined)) {
    const message = folder === undefined ? 'no log is named' : 'a folder and a server are named'
    throw new CountersignError('ERR_USAGE', message, {
      hint: 'name the folder of an exported log, or the service: --server https://HOST',
    })
  }
  if (folder !== undefined) return { source: openLogFolder(folder), server: undefined }
  const opened =
    flags.isAudit === true
      ? openServer(server ?? '', flags, environment)
      : await openTransparencyLog(server ?? '', flags, environment)
  return { source: opened, server: opened }
}

/**
 * Opens the transparency log of a service: with the caller's token if it is not public.
 *
 * @throws {@link CountersignError} as {@link openServer}, and those of reading
 */
export async function openTransparencyLog(
  server: string,
  flags: ServiceFlags,
  environment: CommandEnvironment,
): Promise<LogServer> {
  const listed = openServer(server, {}, environment)
  const { signal } = environment.context
  if (!(await isUnlisted(listed, { signal }))) return listed
  return openServer(server, { ...flags, isUnlisted: true }, environment)
}

/** Whether a transparency log is read with a token, which is sent to no other. */
async function isUnlisted(log: LogServer, options: ReadOptions): Promise<boolean> {
  try {
    await log.read(CHECKPOINT_PATH, options)
    return false
  } catch (error) {
    if (CountersignError.is(error) && error.code === 'ERR_NOT_AUTHENTICATED') return true
    throw error
  }
}

/**
 * Opens a log of a service.
 *
 * @throws {@link CountersignError} ERR_USAGE — a token would go to the address in the clear
 */
function openServer(
  url: string,
  flags: LogSourceFlags,
  environment: CommandEnvironment,
): LogServer {
  const { fetch, pause } = environment.context
  const { isAudit = false, isUnlisted = false } = flags
  if (!isAudit && !isUnlisted) return openLogServer(url, { fetch, pause })
  assertPrivate(parseServer(url))
  const token = callerToken(url, flags, environment)
  return openLogServer(url, { fetch, pause, folder: isAudit ? 'audit' : 'log', token })
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
