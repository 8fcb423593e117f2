/**
 * Reads a log as an auditor does, and finds every signature of a version outside its rules
 * (docs/design/rotation.md). It stands on the entries alone, and on none of our functions that keep the
 * rules.
 *
 * @packageDocumentation
 */
import type { LogEntry, StateEntry } from '../../src/log/entry.ts'

/** Quantities of the keys, seconds. */
export interface RuleQuantities {
  /** max(M, V) + S: how long a version is served before it signs. */
  readonly servedBefore: number
  /** L */
  readonly signerLag: number
}

/** What an audit found. */
export interface Audit {
  /** Sentences; none where every rule was kept. */
  readonly violations: readonly string[]
  /** Signatures that were looked at, by type. */
  readonly signatures: Readonly<Record<string, number>>
  /** Activations of versions beyond the first, by name of the key. */
  readonly rotations: ReadonlyMap<string, number>
}

interface Version {
  readonly number: number
  published?: Date
  activated?: Date
  retired?: Date
  isRevoked: boolean
  isForced: boolean
}

const SIGNATURES: ReadonlySet<string> = new Set(['token', 'signature', 'attestation', 'timestamp'])

/** Looks at all entries of a log in order. */
export function auditLog(entries: readonly LogEntry[], quantities: RuleQuantities): Audit {
  const versions = new Map<string, Version>()
  const active = new Map<string, string>()
  const rotations = new Map<string, number>()
  const signatures: Record<string, number> = {}
  const violations = entries.flatMap((entry, index) => {
    if (entry.type === 'state') {
      const wrong = follow(entry, versions, active)
      if (entry.action === 'activate' && entry.key.version > 1) {
        rotations.set(entry.key.name, (rotations.get(entry.key.name) ?? 0) + 1)
      }
      return wrong.map((why) => `entry ${index}: ${why}`)
    }
    if (!SIGNATURES.has(entry.type) || !('key' in entry)) return []
    signatures[entry.type] = (signatures[entry.type] ?? 0) + 1
    const { name, version, kid } = entry.key
    const wrong = judge(entry.time, versions.get(kid), quantities)
    const stamp = 'timestamp' in entry ? entry.timestamp : undefined
    const stamped =
      stamp === undefined ? [] : judge(stamp.time, versions.get(stamp.kid), quantities)
    return [
      ...wrong.map((why) => `entry ${index}: ${name}@${version} signed ${why}`),
      ...stamped.map((why) => `entry ${index}: ${stamp?.kid ?? ''} stamped ${why}`),
    ]
  })
  return { violations, signatures, rotations }
}

/** Takes a change in; answers what is wrong with it. */
function follow(
  { key: { name, version: number, kid }, action, time, isForced }: StateEntry,
  versions: Map<string, Version>,
  active: Map<string, string>,
): readonly string[] {
  const version = versions.get(kid) ?? { number, isRevoked: false, isForced: false }
  if (version.number !== number) return [`${kid} is used twice`]
  versions.set(kid, version)
  if (active.get(name) === kid) active.delete(name)
  version.isForced ||= isForced
  switch (action) {
    case 'publish':
      version.published = time
      return []
    case 'activate': {
      version.activated = time
      const other = active.get(name)
      active.set(name, kid)
      return other === undefined ? [] : [`${name} has two active versions`]
    }
    case 'retire':
      version.retired = time
      return []
    case 'revoke':
      version.isRevoked = true
      return []
    default:
      return []
  }
}

/** What is wrong with a signature at a time, given all that came before it in the log. */
function judge(
  time: Date,
  version: Version | undefined,
  { servedBefore, signerLag }: RuleQuantities,
): readonly string[] {
  if (version === undefined) return ['and was never created']
  const wrong: string[] = []
  const { activated, published, retired, isRevoked } = version
  if (isRevoked) wrong.push('after its revocation')
  if (activated === undefined || time < activated) wrong.push('before it was active')
  if (retired !== undefined && secondsBetween(retired, time) > signerLag) {
    wrong.push(`${secondsBetween(retired, time)} s after it was retired`)
  }
  // The first version of a key has no verifier to wait for, and a forced one records that it did not wait.
  const hasWaited = published !== undefined && secondsBetween(published, time) >= servedBefore
  if (version.number > 1 && !version.isForced && !hasWaited) wrong.push('before verifiers knew it')
  return wrong
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000
}
