/** `countersign audit verify`: criteria first, then the verdict. */
import { readFileBounded } from '../../src/files.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../../src/formats/checkpoint.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { printable } from '../../src/formats/printable.ts'
import { MAX_NOTE_BYTES } from '../../src/formats/signed-note.ts'
import { readEntry } from '../../src/log/entry-format.ts'
import type { WitnessDemand } from '../../src/formats/witnesses.ts'
import type { LogServer } from '../../src/log/http-source.ts'
import { PairedLogs } from '../../src/log/paired-logs.ts'
import type { ReadOptions } from '../../src/log/source.ts'
import { type LogReport, verifyLog as verifyWholeLog } from '../../src/log/verify-log.ts'
import { readCheckpoint } from '../../src/log/verify-tree.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { leavesFrom } from './entries.ts'
import { createCounter } from './counter.ts'
import { type LogKeyFlags, readLogKeys } from './keys.ts'
import { type LogSourceFlags, openLog, openTransparencyLog } from './source.ts'
import { schema } from '../render/json.ts'
import { assertNothingSkipped, renderSkipped } from './skipped.ts'
import { describeWitnesses, readWitnessDemand, type WitnessFlags } from './witness-keys.ts'

/** Options of the command. */
export interface VerifyAuditFlags extends LogSourceFlags, LogKeyFlags, WitnessFlags {
  readonly checkpoint?: string | undefined
  /** Verifier keys of the transparency log. */
  readonly logKey?: readonly string[] | undefined
  readonly strict?: true | undefined
}

/**
 * Verifies a whole audit log and, where it is a service's, that its transparency log has what it must.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID, ERR_NOTE_INVALID — a log is not what it must be;
 * ERR_USAGE — no key or no log is named; ERR_FORMAT_UNSUPPORTED — only a later release understands it; and those
 * of reading
 */
export async function verifyAudit(
  folder: string | undefined,
  flags: VerifyAuditFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context } = environment
  const { source, server } = await openLog(folder, { ...flags, isAudit: true }, environment)
  const keys = await readLogKeys({ ...flags, isAudit: true }, context)
  const log = { keys, origin: flags.origin }
  const since = await readEarlier(flags.checkpoint, log)
  const witnesses = await readWitnessDemand(flags, context)
  const { signal } = context
  // Before the audit log, so that this tells of all leaves that are in it.
  const paired = server && (await openPaired({ ...flags, witnesses }, environment))
  sayCriteria({ name: source.name, keys, since, witnesses, paired }, environment)
  const report = await verifyWholeLog({
    source,
    log,
    earlier: since,
    witnesses,
    onProgress: createCounter('verifying', environment),
    onEntry: (index, content) => paired?.logs.add(index, content),
    signal,
  })
  const told = server && paired && (await settlePairs(paired, server, report, { signal }))
  if (flags.strict === true) assertNothingSkipped(report.skipped)
  return {
    exitCode: 0,
    report: renderReport(report) + renderPairs(told) + renderSkipped(report.skipped),
    document: toDocument(report, since, told),
  }
}

/** The transparency log beside an audit log. */
interface Paired {
  readonly logs: PairedLogs
  readonly size: number
}

async function openPaired(
  flags: VerifyAuditFlags & { readonly witnesses: WitnessDemand | undefined },
  environment: CommandEnvironment,
): Promise<Paired> {
  const { server = '', logKey: key, witnesses } = flags
  const keys = await readLogKeys({ server, key, option: '--log-key' }, environment.context)
  const { signal } = environment.context
  const source = await openTransparencyLog(server, flags, environment)
  const checkpoint = await readCheckpoint(source, { keys }, { signal, witnesses })
  return { logs: new PairedLogs(source, checkpoint, { signal }), size: checkpoint.size }
}

/** How the logs compare. */
interface PairReport {
  /** Entries of the audit log that name a leaf. */
  readonly entries: number
  /** Those that stand behind one of the checkpoints: told, not proven yet. */
  readonly unproven: number
}

/** Checkpoints come after commits, one for each log: the newest entries may stand under none yet. */
async function settlePairs(
  { logs, size }: Paired,
  server: LogServer,
  { checkpoint }: LogReport,
  options: ReadOptions,
): Promise<PairReport> {
  const proven = Math.min(logs.named, size)
  if (!logs.isComplete) {
    for await (const { index, data } of leavesFrom(server, checkpoint.size, options)) {
      await logs.add(index, readEntry(data))
    }
  }
  logs.end()
  return { entries: logs.named, unproven: logs.named - proven }
}

/**
 * Reads a checkpoint that was kept.
 *
 * @throws {@link CountersignError} ERR_FILE_READ; ERR_NOTE_INVALID — not one of this log
 */
export async function readEarlier(
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
  readonly witnesses: WitnessDemand | undefined
  readonly paired: Paired | undefined
}

function sayCriteria({ paired, ...criteria }: Criteria, environment: CommandEnvironment): void {
  sayLog(criteria, environment)
  if (paired === undefined) return
  environment.terminal.say('pairs    every signature and change in it is in the transparency log')
}

/** Says which log is verified, by which keys, and since when. */
export function sayLog(
  { name, keys, since, witnesses }: Omit<Criteria, 'paired'>,
  { terminal }: CommandEnvironment,
): void {
  terminal.say(`log      ${printable(name)}`)
  for (const { vkey } of keys) terminal.say(`key      ${printable(vkey)}`)
  if (witnesses !== undefined) terminal.say(`witness  ${describeWitnesses(witnesses)}`)
  terminal.say(
    since === undefined
      ? 'since    nothing: name a checkpoint you kept with --checkpoint FILE, and a rewritten log is found'
      : `since    a checkpoint at ${since.size} entries`,
  )
}

/** Says that all of a log is there, with some facts about it. */
export function renderWhole(checkpoint: Checkpoint, facts: readonly string[]): string {
  const root = Buffer.from(checkpoint.root).toString('base64')
  return [
    `ok: all ${checkpoint.size} entries of ${printable(checkpoint.origin)} are there and unchanged`,
    ...facts.filter((line) => line !== '').map((line) => `    ${line}`),
    `    root ${root}`,
    ...checkpoint.extensions.map(
      (line) => `    not checked, in the checkpoint: ${printable(line)}`,
    ),
    '',
  ].join('\n')
}

/** `3 state, 5 signature` */
export function renderCounts(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([type, count]) => `${count ?? 0} ${type}`)
    .join(', ')
}

function renderReport({ checkpoint, entries, first, last }: LogReport): string {
  const times =
    first === undefined || last === undefined
      ? []
      : [`from ${first.toISOString()} to ${last.toISOString()}`]
  return renderWhole(checkpoint, [renderCounts(entries), ...times])
}

function renderPairs(told: PairReport | undefined): string {
  if (told === undefined) return ''
  const { entries, unproven } = told
  const later = unproven === 0 ? '' : `; ${unproven} are newer than a checkpoint, not proven yet`
  return `ok: ${entries} entries are in the transparency log, and nothing more is in it${later}\n`
}

function toDocument(
  report: LogReport,
  since: Checkpoint | undefined,
  told: PairReport | undefined,
): Outcome['document'] {
  const { checkpoint, entries, first, last } = report
  return {
    ...wholeDocument('audit-verification', checkpoint, since),
    entries,
    ...(first !== undefined && { first: first.toISOString() }),
    ...(last !== undefined && { last: last.toISOString() }),
    ...(told !== undefined && { paired: told }),
    ...(report.skipped !== undefined && { skipped: report.skipped }),
  }
}

/** What the documents about both logs have. */
export function wholeDocument(
  name: 'audit-verification' | 'log-verification',
  { extensions, origin, size, root }: Checkpoint,
  since: Checkpoint | undefined,
): Outcome['document'] & object {
  return {
    schema: schema(name),
    ok: true,
    exitCode: 0,
    origin,
    size,
    root: Buffer.from(root).toString('base64'),
    ...(extensions.length > 0 && { extensions }),
    ...(since !== undefined && { since: since.size }),
  }
}
