/** Entries of the log, one line each. */
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
import { printable } from '../../src/formats/printable.ts'

/** Renders an entry: place, time, what was done with which key version, for whom. */
export function renderEntry(index: number, content: EntryContent): string {
  const place = String(index).padStart(6)
  if (content.kind === 'unknown') return printable(`${place}  of a later release: ${content.why}`)
  const { entry } = content
  const { time, type, caller } = entry
  const by = caller === undefined ? 'the service' : `${caller.subject} (${caller.issuer})`
  const facts = [place, time.toISOString(), type.padEnd(11), describe(entry)]
  return printable(`${facts.join('  ')}  by ${by}`)
}

const APPROVAL_STEPS = { request: 'asked for', approve: 'approved', use: 'goes ahead' } as const

function describe(entry: LogEntry): string {
  if (isOwnEntry(entry)) return describeOwn(entry)
  switch (entry.type) {
    case 'signature':
    case 'attestation':
      return describeSignature(entry)
    case 'token':
      return `${version(entry.key)} ${entry.jti} for ${entry.audience.join(', ')}`
    case 'timestamp':
      return `${version(entry.key)} ${entry.serial} ${entry.digest}`
    case 'state':
      return describeChange(entry)
    case 'denial':
      return `${entry.action} ${entry.resource} refused with ${entry.code}: ${entry.reason}`
    case 'approval':
      return `${entry.action} ${entry.resource} ${APPROVAL_STEPS[entry.step]} (${entry.approvalId})`
  }
}

function describeOwn(entry: OwnEntry): string {
  switch (entry.type) {
    case 'rules':
      return describeRules(entry.approvals)
    case 'keyRules':
      return describeKeyRules(entry)
    case 'logNames':
      return `the logs are ${entry.transparency} and ${entry.audit} from here on`
    case 'restore':
      return `the logs lost entries (${describeLogs(entry)}): ${entry.reason}`
    case 'clock':
      return `time set back from ${entry.latest.toISOString()}: ${entry.reason}`
  }
}

function describeLogs({ logs }: RestoreEntry): string {
  return logs.map(({ origin, size }) => `${origin} had ${size} or more`).join(', ')
}

function describeSignature({ key, digests, predicateType }: SignatureEntry): string {
  const [first = 'nothing', ...others] = digests
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  return `${version(key)} ${first}${more}${predicateType === undefined ? '' : ` ${predicateType}`}`
}

function describeChange({ key, action, to, isForced, reason }: StateEntry): string {
  const forced = isForced ? ' (forced)' : ''
  return `${version(key)} ${action}, now ${to}${forced}${reason === undefined ? '' : `: ${reason}`}`
}

function describeRules({ required, actions }: RulesEntry['approvals']): string {
  return required <= 1
    ? 'no approvals needed'
    : `${required} approvals needed: ${actions.join(', ')}`
}

function describeKeyRules({ resource, rulesSha256, reason }: KeyRulesEntry): string {
  const why = reason === undefined ? '' : `: ${reason}`
  return `${resource} has the rules sha256:${rulesSha256} from here on${why}`
}

function version(key: { readonly name: string; readonly version: number }): string {
  return `${key.name} v${key.version}`
}
