/**
 * A verification as text: the criteria, then a block for each artifact; in the blocks of the failed ones
 * what was expected, what was found and what to do.
 *
 * @packageDocumentation
 */
import { predicateName, SIGN_PREDICATE_TYPE } from '../../src/formats/predicates/types.ts'
import type {
  ArtifactDocument,
  AttestationDocument,
  ErrorDocument,
  SignerDocument,
} from '../../src/verification/result.ts'
import type { Check } from '../../src/verification/policy.ts'
import type { Criterion } from '../artifacts/policy.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable } from '../../src/formats/printable.ts'
import {
  CONTINUED,
  labelKey,
  type Painter,
  renderBlock,
  renderRows,
  type Row,
  shortenKids,
  FAILED,
  PASSED,
} from './layout.ts'

/** Renders what will be demanded; every line of it is said before anything is verified. */
export function renderCriteria(criteria: readonly Criterion[], painter: Painter): string {
  const rows = criteria.map(({ name, wanted }): Row => [name, shortenKids(wanted, painter)])
  return ['Criteria:', ...renderRows(rows, painter)].join('\n')
}

/** Says the verdict on one artifact; with -q only that of a failed one, on one line. */
export function sayVerdict(artifact: ArtifactDocument, terminal: Terminal): void {
  const text = renderVerdict(artifact, terminal)
  const { name, error } = artifact
  if (error === undefined) terminal.say(text)
  else terminal.talk(text, renderFailedLine(name, error, terminal))
}

/** Renders the verdict on one artifact: each of its name, digest and verdict once. */
function renderVerdict(artifact: ArtifactDocument, painter: Painter): string {
  const { ok, error, attestations } = artifact
  const rows: readonly Row[] = [
    ...renderDigest(artifact),
    ...(error === undefined
      ? attestations.filter((one) => one.ok).map((one) => renderSigned(one, painter))
      : renderFailure(artifact, error, painter)),
  ]
  const name = `${nameWithoutDigest(artifact)}${artifact.digestOnly === true ? ' (digest only: no such file)' : ''}`
  const block = renderBlock(ok ? PASSED : FAILED, name, rows, painter)
  const examined = painter.verbose ? attestations : []
  return [block, ...examined.flatMap((one) => renderChecks(one, painter))].join('\n')
}

/** Renders a failed verdict on one line, for `-q`. */
export function renderFailedLine(
  subject: string,
  { message, code }: ErrorDocument,
  painter: Painter,
): string {
  const what = printable(`${subject}: ${shortenKids(withoutName(message, subject), painter)}`)
  return `${painter.style('bad', 'FAILED')} ${what} [${code}]`
}

/** An image by its digest is called by the rest of its name, for the digest has a line of its own. */
export function nameWithoutDigest({
  name,
  digest,
}: {
  readonly name: string
  readonly digest?: string | undefined
}): string {
  const end = `@${digest ?? ''}`
  return name.endsWith(end) ? name.slice(0, -end.length) : name
}

/** The digest of an artifact, where nothing else in its block has it. */
export function renderDigest({
  name,
  digest,
  error,
}: Pick<ArtifactDocument, 'name' | 'digest' | 'error'>): readonly Row[] {
  const isSaid = name === digest || error?.message.includes(digest ?? '') === true
  return digest === undefined || isSaid ? [] : [['', digest]]
}

/** Who signed what and when: `signed  by release@3 (ES256, active) at 2026-11-22T10:00:00Z`. */
function renderSigned(
  { key, predicateType = '', signedAt, logEntries = 0 }: AttestationDocument,
  painter: Painter,
): Row {
  const what = predicateType === SIGN_PREDICATE_TYPE ? 'signed' : predicateName(predicateType)
  const who = key === undefined ? [] : [`by ${renderSigner(key, painter)}`]
  const when = signedAt === undefined ? [] : [`at ${signedAt}`]
  const logged = logEntries === 0 ? '' : ', logged'
  return [what, `${[...who, ...when].join(' ')}${logged}`]
}

function renderSigner(signer: SignerDocument, painter: Painter): string {
  if (!('kid' in signer)) return `${signer.subjectAlternativeName} from ${signer.issuer}`
  return `${labelKey(signer, painter)} (${signer.algorithm}, ${signer.state})`
}

/** Why an artifact failed, and the checks of whatever failed for that reason; -v lists all checks below. */
function renderFailure(
  artifact: ArtifactDocument,
  error: ErrorDocument,
  painter: Painter,
): readonly Row[] {
  const causes = artifact.attestations.filter((one) => one.error?.message === error.message)
  return toFailureRows(
    { ...error, message: withoutName(error.message, artifact.name) },
    painter.verbose ? [] : causes.flatMap((one) => renderCause(one, artifact)),
    painter,
  )
}

/** Renders an error with what belongs to it between its message and its hint. */
export function toFailureRows(
  { message, code, hint }: ErrorDocument,
  causes: readonly Row[],
  painter: Painter,
): readonly Row[] {
  const rows: readonly Row[] = [
    ['error', `${message} [${code}]`],
    ...causes,
    ...(hint === undefined ? [] : [['hint', hint] as const]),
  ]
  return rows.map(([label, value]) => [label, shortenKids(value, painter)])
}

function renderCause(
  { source, checks, error }: AttestationDocument,
  { name, digest }: ArtifactDocument,
): readonly Row[] {
  const rows = checks.flatMap((check) => toRows(check, error?.message ?? ''))
  if (rows.length === 0) return []
  const where: readonly Row[] = source === name ? [] : [['in', source]]
  if (digest === undefined) return [...where, ...rows]
  return [...where, ...rows].map(([label, value]) => [
    label,
    value.replaceAll(digest, 'the digest above'),
  ])
}

/** What a failed check expected and found, as far as the message does not say it. */
export function toRows({ ok, expected, actual }: Check, message: string): readonly Row[] {
  if (ok) return []
  const rows: readonly Row[] = [
    ['expected', expected],
    ['actual', actual],
  ]
  return rows.filter(([, value]) => !message.includes(value))
}

/** What happened, without the name that the block begins with. */
function withoutName(message: string, name: string): string {
  const said = [`: "${name}"`, ` for "${name}"`, `"${name}": `, ` in "${name}"`]
  return said.reduce((rest, phrase) => rest.replace(phrase, ''), message)
}

/** Every check that was made of one attached thing, and each key that was tried. */
function renderChecks(
  { source, checks, error }: AttestationDocument,
  painter: Painter,
): readonly string[] {
  const isSaid = error === undefined || checks.some((check) => !check.ok)
  return [
    `  ${printable(source)}`,
    ...renderRows(checks.flatMap(renderCheck), painter, 4),
    ...(isSaid ? [] : [`    ${printable(error.message)}`]),
  ]
}

/** Renders one check: what was found, and beside it what was expected where that is another thing. */
export function renderCheck({ id, ok, expected, actual, tried = [] }: Check): readonly Row[] {
  if (ok) return [[id, actual]]
  return [
    [id, `expected ${expected}`],
    [CONTINUED, `actual   ${actual}`],
    ...tried.map((key): Row => [CONTINUED, `tried    ${key}`]),
  ]
}
