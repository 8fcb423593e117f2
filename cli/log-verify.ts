/** `countersign log verify`: criteria first, then the verdict. */
import { readFileBounded } from '../src/files.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../src/formats/checkpoint.ts'
import type { NoteKey } from '../src/formats/note-key.ts'
import { MAX_NOTE_BYTES } from '../src/formats/signed-note.ts'
import { type LogReport, verifyLog as verifyWholeLog } from '../src/log/verify-log.ts'
import type { CommandEnvironment } from './command.ts'
import type { Outcome } from './context.ts'
import { LoggedPublications, type PublicationReport } from './log-publications.ts'
import { createCounter } from './log-progress.ts'
import { type LogKeyFlags, readLogKeys } from './log-keys.ts'
import { type LogSourceFlags, openLog } from './log-source.ts'
import { schema } from './render/json.ts'
import { printable } from '../src/formats/printable.ts'

/** Options of the command. */
export interface VerifyLogFlags extends LogSourceFlags, LogKeyFlags {
  readonly checkpoint?: string | undefined
}

/**
 * Verifies a whole log and, where it is a service's, that what the service publishes of its keys follows from it.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID, ERR_NOTE_INVALID — the log, or what is published, is
 * not what it must be; ERR_USAGE — no key or no log is named; and those of reading
 */
export async function verifyLog(
  folder: string | undefined,
  flags: VerifyLogFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context } = environment
  const { source, server } = openLog(folder, flags, environment)
  const keys = await readLogKeys(flags, context)
  const log = { keys, origin: flags.origin }
  const since = await readEarlier(flags.checkpoint, log)
  const { signal } = context
  const published = server && (await LoggedPublications.read(server, { signal }))
  sayCriteria({ name: source.name, keys, since, published }, environment)
  const report = await verifyWholeLog({
    source,
    log,
    earlier: since,
    onProgress: createCounter('verifying', environment),
    onEntry: (index, entry) => published?.add(index, entry),
    signal,
  })
  const told = await published?.compare(report.checkpoint.size, { signal })
  return {
    exitCode: 0,
    report: renderReport(report) + renderPublished(told),
    document: toDocument(report, since, told),
  }
}

async function readEarlier(
  file: string | undefined,
  log: LogIdentity,
): Promise<Checkpoint | undefined> {
  if (file === undefined) return undefined
  return openCheckpoint(await readFileBounded(file, MAX_NOTE_BYTES), log)
}

interface Criteria {
  readonly name: string
  readonly keys: readonly NoteKey[]
  readonly since: Checkpoint | undefined
  readonly published: LoggedPublications | undefined
}

function sayCriteria(criteria: Criteria, { terminal }: CommandEnvironment): void {
  const { name, keys, since, published } = criteria
  terminal.say(`log      ${printable(name)}`)
  for (const { vkey } of keys) terminal.say(`key      ${printable(vkey)}`)
  terminal.say(
    since === undefined
      ? 'since    nothing: name a checkpoint you kept with --checkpoint FILE, and a log written anew is found'
      : `since    a checkpoint at ${since.size} entries`,
  )
  if (published !== undefined)
    terminal.say('keys     those the service publishes must follow from its log')
}

function renderReport({ checkpoint, entries, first, last }: LogReport): string {
  const counts = Object.entries(entries).map(([type, count]) => `${count} ${type}`)
  const times =
    first === undefined || last === undefined
      ? []
      : [`from ${first.toISOString()} to ${last.toISOString()}`]
  const root = Buffer.from(checkpoint.root).toString('base64')
  return [
    `ok: all ${checkpoint.size} entries of ${printable(checkpoint.origin)} are there and unchanged`,
    ...[counts.join(', '), ...times].filter((line) => line !== '').map((line) => `    ${line}`),
    `    root ${root}`,
    '',
  ].join('\n')
}

function renderPublished(told: PublicationReport | undefined): string {
  if (told === undefined) return ''
  const { historyVersions, keySetKeys, unproven } = told
  const later =
    unproven === 0
      ? ''
      : `; ${unproven} of their changes are newer than the checkpoint, not proven yet`
  return `ok: the log tells of all published keys: ${historyVersions} in the key history, ${keySetKeys} in the key set${later}\n`
}

function toDocument(
  { checkpoint, entries, first, last }: LogReport,
  since: Checkpoint | undefined,
  published: PublicationReport | undefined,
): Outcome['document'] {
  const { origin, size, root } = checkpoint
  return {
    schema: schema('log-verification'),
    ok: true,
    exitCode: 0,
    origin,
    size,
    root: Buffer.from(root).toString('base64'),
    entries,
    ...(first !== undefined && { first: first.toISOString() }),
    ...(last !== undefined && { last: last.toISOString() }),
    ...(since !== undefined && { since: since.size }),
    ...(published !== undefined && { published }),
  }
}
