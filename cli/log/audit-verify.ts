/** `countersign audit verify`: criteria first, then the verdict. */
import { readFileBounded } from '../../src/files.ts'
import { type Checkpoint, type LogIdentity, openCheckpoint } from '../../src/formats/checkpoint.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
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
import type { Criterion } from '../artifacts/policy.ts'
import { schema } from '../render/json.ts'
import { PASSED, renderBlock, type Row, shortVkey } from '../render/layout.ts'
import { renderCriteria } from '../render/verify.ts'
import { assertNothingSkipped, describeSkipped } from './skipped.ts'
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
  // Before the audit log, so that it covers all leaves that are in it.
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
  const pairs = server && paired && (await settlePairs(paired, server, report, { signal }))
  if (flags.strict === true) assertNothingSkipped(report.skipped)
  const facts = [...toFacts(report), ...describePairs(pairs), ...describeSkipped(report.skipped)]
  return {
    exitCode: 0,
    report: renderWhole(report.checkpoint, facts, environment),
    document: toDocument(report, since, pairs),
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
  /** Those that are newer than one of the checkpoints, so not proven yet. */
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
  const more: readonly Criterion[] =
    paired === undefined
      ? []
      : [{ name: 'pairs', wanted: 'every signature and change in it is in the transparency log' }]
  sayLog(criteria, more, environment)
}

/** Says which log is verified, by which keys, and since when. */
export function sayLog(
  { name, keys, since, witnesses }: Omit<Criteria, 'paired'>,
  more: readonly Criterion[],
  { terminal }: CommandEnvironment,
): void {
  const criteria: readonly Criterion[] = [
    { name: 'log', wanted: name },
    ...keys.map(({ vkey }) => ({ name: 'key', wanted: shortVkey(vkey, terminal) })),
    ...(witnesses === undefined ? [] : [{ name: 'witness', wanted: describeWitnesses(witnesses) }]),
    {
      name: 'since',
      wanted:
        since === undefined
          ? 'the start; with --checkpoint FILE, an earlier checkpoint, a rewritten log is detected'
          : `a checkpoint at ${since.size} entries`,
    },
    ...more,
  ]
  terminal.say(renderCriteria(criteria, terminal))
}

/** Renders the verdict on a whole log, with some facts about it. */
export function renderWhole(
  { origin, size, root, extensions }: Checkpoint,
  facts: readonly Row[],
  { terminal }: CommandEnvironment,
): string {
  const rows: readonly Row[] = [
    ['entries', `all ${size} present and unchanged`],
    ...facts.filter(([, value]) => value !== ''),
    ['root', Buffer.from(root).toString('base64')],
    ...extensions.map((line): Row => ['not checked', `in the checkpoint: ${line}`]),
  ]
  return `${renderBlock(PASSED, origin, rows, terminal.report)}\n`
}

/** `3 state, 5 signature` */
export function describeCounts(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([type, count]) => `${count ?? 0} ${type}`)
    .join(', ')
}

function toFacts({ entries, first, last }: LogReport): readonly Row[] {
  const counts: Row = ['types', describeCounts(entries)]
  if (first === undefined || last === undefined) return [counts]
  return [counts, ['time', `${toUtcSeconds(first)} to ${toUtcSeconds(last)}`]]
}

function describePairs(pairs: PairReport | undefined): readonly Row[] {
  if (pairs === undefined) return []
  const { entries, unproven } = pairs
  return [
    ['pairs', `all ${entries} are in the transparency log, which has no others`],
    ...(unproven === 0
      ? []
      : [['not proven', `${unproven} of them are newer than a checkpoint`] as const]),
  ]
}

function toDocument(
  report: LogReport,
  since: Checkpoint | undefined,
  pairs: PairReport | undefined,
): Outcome['document'] {
  const { checkpoint, entries, first, last } = report
  return {
    ...wholeDocument('audit-verification', checkpoint, since),
    entries,
    ...(first !== undefined && { first: first.toISOString() }),
    ...(last !== undefined && { last: last.toISOString() }),
    ...(pairs !== undefined && { paired: pairs }),
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
