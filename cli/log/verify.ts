/** `countersign log verify`: criteria first, then the verdict. */
import { CountersignError } from '../../src/errors.ts'
import { verifyTransparencyLog } from '../../src/log/verify-transparency.ts'
import {
  readEarlier,
  describeCounts,
  renderWhole,
  sayLog,
  verifyAudit,
  wholeDocument,
} from './audit-verify.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { LoggedPublications, type PublicationReport } from './publications.ts'
import { createCounter } from './counter.ts'
import { type LogKeyFlags, readLogKeys } from './keys.ts'
import { openLog } from './source.ts'
import { CONTINUED, type Row } from '../render/layout.ts'
import { assertNothingSkipped, describeSkipped } from './skipped.ts'
import { readWitnessDemand, type WitnessFlags } from './witness-keys.ts'

/** Options of the command. */
export interface VerifyLogFlags extends LogKeyFlags, WitnessFlags {
  readonly checkpoint?: string | undefined
  readonly strict?: true | undefined
  /** Also the audit log of the service, and that both record the same. */
  readonly audit?: true | undefined
  /** Verifier keys of the audit log. */
  readonly auditKey?: readonly string[] | undefined
  readonly tokenFile?: string | undefined
}

/**
 * Verifies a whole transparency log and, where it is a service's, that what the service publishes of its keys
 * follows from it. With `--audit`, its audit log as well, and that both record the same.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID, ERR_NOTE_INVALID — the log, or what is published, is
 * not what it must be; ERR_USAGE — no key or no log is named; ERR_FORMAT_UNSUPPORTED — only a later release
 * understands it; and those of reading
 */
export async function verifyLogCommand(
  folder: string | undefined,
  flags: VerifyLogFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  if (flags.audit !== true) return verifyTransparency(folder, flags, environment)
  if (flags.server === undefined) throw noService()
  const transparency = await verifyTransparency(folder, flags, environment)
  const { auditKey: key, key: logKey } = flags
  const asked = { ...flags, key, logKey, origin: undefined, checkpoint: undefined }
  const audit = await verifyAudit(undefined, asked, environment)
  return {
    exitCode: 0,
    report: `${transparency.report ?? ''}${audit.report ?? ''}`,
    document: { ...transparency.document, audit: audit.document },
  }
}

function noService(): CountersignError {
  return new CountersignError('ERR_USAGE', '--audit needs the service whose logs they are', {
    hint: 'name it with --server https://HOST; a copy of an audit log is verified by countersign audit verify FOLDER',
  })
}

async function verifyTransparency(
  folder: string | undefined,
  flags: VerifyLogFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context } = environment
  // Before any connection: without a key, what a server answers proves nothing.
  const keys = await readLogKeys(flags, context)
  const { source, server } = await openLog(folder, flags, environment)
  const log = { keys, origin: flags.origin }
  const since = await readEarlier(flags.checkpoint, log)
  const witnesses = await readWitnessDemand(flags, context)
  const { signal } = context
  const published = server && (await LoggedPublications.read(server, { signal }))
  sayLog(
    { name: source.name, keys, since, witnesses },
    published === undefined
      ? []
      : [{ name: 'keys', wanted: 'all that the service publishes follow from its log' }],
    environment,
  )
  const { checkpoint, leaves, skipped } = await verifyTransparencyLog({
    source,
    log,
    earlier: since,
    witnesses,
    onProgress: createCounter('verifying', environment),
    onState: (index, state) => published?.add(index, state),
    signal,
  })
  const compared = await published?.compare(checkpoint.size, { signal })
  if (flags.strict === true) assertNothingSkipped(skipped)
  const facts: readonly Row[] = [
    ['types', describeCounts(leaves)],
    ...describePublished(compared),
    ...describeSkipped(skipped),
  ]
  return {
    exitCode: 0,
    report: renderWhole(checkpoint, facts, environment),
    document: {
      ...wholeDocument('log-verification', checkpoint, since),
      entries: leaves,
      ...(compared !== undefined && { published: compared }),
      ...(skipped !== undefined && { skipped }),
    },
  }
}

function describePublished(compared: PublicationReport | undefined): readonly Row[] {
  if (compared === undefined) return []
  const { historyVersions, keySetKeys, unproven } = compared
  return [
    ['keys', 'all published keys follow from the log'],
    [CONTINUED, `${historyVersions} in the key history, ${keySetKeys} in the key set`],
    ...(unproven === 0
      ? []
      : [['not proven', `${unproven} of their changes are newer than the checkpoint`] as const]),
  ]
}
