/** `countersign trust show`, `update` and `export`. */
import type { HeldDocument } from '../../src/client/cached-document.ts'
import type { Trust } from '../../src/client/trust-cache.ts'
import { type TrustDialect, writeDialect } from '../../src/client/trust-dialects.ts'
import { fingerprintOf } from '../../src/client/trust-pin.ts'
import { CountersignError } from '../../src/errors.ts'
import { writeFileAtomically } from '../../src/files.ts'
import type { KeyHistory, PublishedVersion, SkippedVersion } from '../../src/keys/key-history.ts'
import type { PublicationTimes } from '../../src/keys/publication-times.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Context, Outcome } from '../context.ts'
import { publishedAuditKeys, publishedLogKeys } from '../log/keys.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { schema } from '../render/json.ts'
import {
  type Mark,
  renderBlock,
  renderTable,
  type Row,
  shortKid,
  toReport,
} from '../render/layout.ts'
import { openTrust, readPin, type TrustPin } from './home.ts'

/** Options of `trust export`. */
export interface ExportTrustFlags {
  readonly format: TrustDialect
  readonly scope?: readonly string[] | undefined
  readonly output?: string | undefined
}

/**
 * Shows the pinned service and what is held of it; opens no connection.
 *
 * @throws {@link CountersignError} ERR_USAGE — no service is pinned
 */
export async function showTrust(environment: CommandEnvironment): Promise<Outcome> {
  const { context } = environment
  const pin = await requirePin(context)
  return toTrustOutcome(pin, await openTrust(pin, context).held(), environment)
}

/**
 * Fetches what the pinned service publishes now.
 *
 * @throws {@link CountersignError} ERR_USAGE — no service is pinned; and the errors of fetching and
 * verifying
 */
export async function updateTrust(environment: CommandEnvironment): Promise<Outcome> {
  const { context } = environment
  const pin = await requirePin(context)
  const document = openTrust(pin, context)
  await document.refresh()
  return toTrustOutcome(pin, await document.held(), environment)
}

/**
 * Writes the active versions for other verifiers, to stdout or a file.
 *
 * @throws {@link CountersignError} ERR_USAGE — no service is pinned, or a policy about no images;
 * ERR_KEY_NOT_FOUND — no version is active; ERR_FILE_WRITE; and the errors of fetching and verifying
 */
export async function exportTrust(
  keys: readonly string[],
  { format, scope = [], output }: ExportTrustFlags,
  { context, terminal }: CommandEnvironment,
): Promise<Outcome> {
  const isPolicy = format === 'policy-json' || format === 'kyverno'
  if (isPolicy && scope.length === 0) {
    throw new CountersignError('ERR_USAGE', 'a policy needs to know which images it is about', {
      hint: 'name them: --scope registry.example.com/team',
    })
  }
  const pin = await requirePin(context)
  const { history } = await openTrust(pin, context).current()
  const names = keys.length === 0 ? undefined : keys
  const text = writeDialect(format, { history, keys: names, scopes: scope })
  if (output !== undefined) await writeFileAtomically(output, text)
  terminal.say(
    `${format} of ${pin.service.href}, sequence ${history.sequence}: active versions only`,
  )
  const document = { schema: schema('trust-export'), ok: true, exitCode: 0, format }
  const written = output === undefined ? { content: text } : { output }
  return {
    exitCode: 0,
    document: { ...document, sequence: history.sequence, ...written },
    text: output === undefined ? text : '',
  }
}

async function requirePin(context: Context): Promise<TrustPin> {
  const pin = await readPin(context)
  if (pin !== undefined) return pin
  throw new CountersignError('ERR_USAGE', 'no service is pinned on this machine', {
    hint: 'pin one: countersign trust init URL --fingerprint sha256:…',
  })
}

const PINNED: Mark = { word: 'PINNED', style: 'good' }

/** How a command ends that shows what is trusted. */
export async function toTrustOutcome(
  pin: TrustPin,
  held: HeldDocument<Trust> | undefined,
  { terminal: { report: painter } }: Pick<CommandEnvironment, 'terminal'>,
): Promise<Outcome> {
  const history = held?.value.history
  const logKeys = history === undefined ? [] : await publishedLogKeys(history)
  const trust = {
    service: pin.service.href,
    fingerprint: fingerprintOf(pin.trustKey),
    signers: held?.value.signers.map(fingerprintOf) ?? [],
    fetchedAt: held?.fetchedAt.toISOString(),
    ...toTimes(history?.times),
    sequence: history?.sequence,
    hasTrustedRoot: history?.trustedRoot !== undefined,
    logKeys: logKeys.map(({ vkey }) => vkey),
    auditKeys: history === undefined ? [] : publishedAuditKeys(history).map(({ vkey }) => vkey),
    witnessKeys: pin.witnesses.map(({ vkey }) => vkey),
    versions: history?.versions.map(toDocument) ?? [],
    skipped: skippedIn(history),
  }
  const rows: readonly Row[] = [
    ['trust key', trust.fingerprint],
    ...describePublication(held),
    ...trust.logKeys.map((vkey): Row => ['log key', vkey]),
    ...trust.auditKeys.map((vkey): Row => ['audit key', vkey]),
    ...trust.witnessKeys.map((vkey): Row => ['witness key', vkey]),
    ...trust.skipped.map(({ kid, why }): Row => [
      'not trusted',
      `kid ${shortKid(kid, painter)}, of a later release: ${why}`,
    ]),
  ]
  const versions = trust.versions.map(({ key, version, use, origin, state, algorithm, kid }) => [
    `${key}@${version}`,
    `${use}${origin === 'external' ? ', imported' : ''}`,
    state,
    algorithm,
    `kid ${shortKid(kid, painter)}`,
  ])
  const block = renderBlock(PINNED, trust.service, rows, painter)
  return {
    exitCode: 0,
    document: { schema: schema('trust'), ok: true, exitCode: 0, trust },
    report: toReport([block, ...renderTable(versions, 2)]),
  }
}

/** Versions that only a later release understands. */
function skippedIn(history: KeyHistory | undefined): readonly SkippedVersion[] {
  return history?.skipped ?? []
}

function toTimes(times: PublicationTimes | undefined) {
  if (times === undefined) return {}
  return {
    issuedAt: times.issuedAt.toISOString(),
    expires: times.expires.toISOString(),
    offlineUntil: times.offlineUntil.toISOString(),
  }
}

function describePublication(held: HeldDocument<Trust> | undefined): readonly Row[] {
  if (held === undefined)
    return [['published', 'no copy on this machine: countersign trust update']]
  const { sequence, times } = held.value.history
  const published: Row = [
    'published',
    `sequence ${sequence}, fetched ${toUtcSeconds(held.fetchedAt)}`,
  ]
  if (times === undefined) return [published]
  const { issuedAt, expires, offlineUntil } = times
  return [
    published,
    ['issued', toUtcSeconds(issuedAt)],
    ['expires', `${toUtcSeconds(expires)}, offline ${toUtcSeconds(offlineUntil)}`],
  ]
}

function toDocument({ key, name, version, state, validFor, ...more }: PublishedVersion) {
  return {
    key: name,
    version,
    use: more.use,
    origin: more.origin,
    state,
    algorithm: key.algorithm.name,
    kid: key.kid,
    start: validFor.start?.toISOString(),
    end: validFor.end?.toISOString(),
    compromisedSince: more.compromisedSince?.toISOString(),
  }
}
