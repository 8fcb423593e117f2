/** Entries of both logs: what was done with which key version on one line, and below it what has no room there. */
import {
  isOwnEntry,
  type KeyRulesEntry,
  type LogEntry,
  type OwnEntry,
  type RestoreEntry,
  type RulesEntry,
  type SignatureEntry,
  type StateEntry,
} from '../../src/log/entry.ts'
import type { EntryContent } from '../../src/log/entry-format.ts'
import { predicateName } from '../../src/formats/predicates/types.ts'
import { printable } from '../../src/formats/printable.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { labelKey, type Painter } from './layout.ts'

/** Blanks before the lines below the first: the width of the index and its gap. */
const BELOW = ' '.repeat(8)

/** Renders an entry of a log: its index and what is on its first line, then a line for each of the rest. */
export function renderIndexed(
  index: number,
  facts: readonly string[],
  below: readonly string[],
): string {
  const first = [String(index).padStart(6), ...facts].join('  ')
  return [first, ...below.map((line) => `${BELOW}${line}`)]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

/** Renders an entry: index, time, what was done with which key version, for whom. */
export function renderEntry(index: number, content: EntryContent, painter: Painter): string {
  if (content.kind === 'unknown') {
    return renderIndexed(index, [`of a later release: ${content.why}`], [])
  }
  const { entry } = content
  const { time, type, caller } = entry
  const by = caller === undefined ? 'by the service' : `by ${caller.subject} (${caller.issuer})`
  const [what, ...below] = describe(entry, painter)
  return renderIndexed(index, [toUtcSeconds(time), type.padEnd(11), what], [...below, by])
}

type Lines = readonly [string, ...string[]]

const APPROVAL_STEPS = { request: 'requested', approve: 'approved', use: 'carried out' } as const

function describe(entry: LogEntry, painter: Painter): Lines {
  if (isOwnEntry(entry)) return describeOwn(entry)
  switch (entry.type) {
    case 'signature':
    case 'attestation':
      return describeSignature(entry, painter)
    case 'token':
      return [labelKey(entry.key, painter), `${entry.jti} for ${entry.audience.join(', ')}`]
    case 'timestamp':
      return [labelKey(entry.key, painter), entry.serial, entry.digest]
    case 'state':
      return describeChange(entry, painter)
    case 'denial':
      return [`${entry.action} ${entry.resource}`, `denied with ${entry.code}: ${entry.reason}`]
    case 'approval':
      return [
        `${entry.action} ${entry.resource}`,
        `${APPROVAL_STEPS[entry.step]} (${entry.approvalId})`,
      ]
  }
}

function describeOwn(entry: OwnEntry): Lines {
  switch (entry.type) {
    case 'rules':
      return [describeRules(entry.approvals)]
    case 'keyRules':
      return describeKeyRules(entry)
    case 'logNames':
      return ['names of the logs', `${entry.transparency} and ${entry.audit}`]
    case 'restore':
      return ['the logs lost entries', `${describeLogs(entry)}: ${entry.reason}`]
    case 'clock':
      return [`time set back from ${toUtcSeconds(entry.latest)}`, entry.reason]
  }
}

function describeLogs({ logs }: RestoreEntry): string {
  return logs.map(({ origin, size }) => `${origin} had ${size} or more`).join(', ')
}

function describeSignature(
  { key, digests, predicateType }: SignatureEntry,
  painter: Painter,
): Lines {
  const [first = 'nothing', ...others] = digests
  const more = others.length === 0 ? [] : [`and ${others.length} more`]
  const type = predicateType === undefined ? '' : ` ${predicateName(predicateType)}`
  return [`${labelKey(key, painter)}${type}`, first, ...more]
}

function describeChange(
  { key, action, to, isForced, reason }: StateEntry,
  painter: Painter,
): Lines {
  const forced = isForced ? ' (forced)' : ''
  const change = `${labelKey(key, painter)} ${action}, now ${to}${forced}`
  return reason === undefined ? [change] : [change, `reason: ${reason}`]
}

function describeRules({ required, actions }: RulesEntry['approvals']): string {
  return required <= 1
    ? 'no approvals needed'
    : `${required} approvals needed: ${actions.join(', ')}`
}

function describeKeyRules({ resource, rulesSha256, reason }: KeyRulesEntry): Lines {
  const why = reason === undefined ? [] : [`reason: ${reason}`]
  return [`${resource} has new rules`, `sha256:${rulesSha256}`, ...why]
}
