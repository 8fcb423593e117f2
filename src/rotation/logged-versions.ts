/**
 * Compares the versions of the store with the log. A version is published, signs and changes only as its
 * state entries state it, so a change of the database alone brings in no key.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import type { LogReader } from '../log/log-records.ts'
import { readLoggedVersion, type LoggedVersion } from '../log/logged-version.ts'

type StateLog = Pick<LogReader, 'find' | 'entries'>

/** Versions as they may be used. */
export interface ReconciledVersions {
  /** Each as the log has it: as the store has it now, else as the store last had it right. */
  readonly versions: readonly KeyVersion[]
  /** What the store has and the log does not. */
  readonly unlogged: readonly CountersignError[]
}

/** A version and the use of its key. */
interface UsedVersion {
  readonly version: KeyVersion
  readonly use: KeyUse | undefined
}

/** Remembers what was found right, so that the log is read only for what changed. */
export class LoggedVersions {
  /** By kid; grows by {@link reconcile}. */
  readonly #right = new Map<string, UsedVersion>()

  /** Sorts out what does not match the log. */
  async reconcile(
    log: StateLog,
    keys: readonly Key[],
    versions: readonly KeyVersion[],
  ): Promise<ReconciledVersions> {
    const uses = new Map(keys.map(({ name, use }) => [name, use]))
    const held: KeyVersion[] = []
    const unlogged: CountersignError[] = []
    for (const version of versions) {
      const { kid } = version.publicKey
      const use = uses.get(version.key)
      const right = this.#right.get(kid)
      // Under another use even a version that was right would sign, and be published, as something else.
      const known = right?.use === use ? right?.version : undefined
      const problem =
        known !== undefined && isSameState(known, version)
          ? undefined
          : await findProblem(log, { version, use })
      if (problem === undefined) this.#right.set(kid, { version, use })
      else unlogged.push(problem)
      const usable = problem === undefined ? version : known
      if (usable !== undefined) held.push(usable)
    }
    return { versions: held, unlogged }
  }
}

/**
 * Makes sure that a version of the store matches the log.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not
 */
export async function assertVersionsLogged(
  log: StateLog,
  version: KeyVersion,
  use: KeyUse,
): Promise<void> {
  const problem = await findProblem(log, { version, use })
  if (problem !== undefined) throw problem
}

/** Whether two records of a version are the same in everything that is published of it. */
export function isSameState(a: KeyVersion, b: KeyVersion): boolean {
  const of = (version: KeyVersion): string => JSON.stringify(factsOf(version))
  return of(a) === of(b)
}

/** SHA-256 of the certificates of a version, hex; undefined where it has none. */
export function certificatesSha256({ certificates }: KeyVersion): string | undefined {
  return certificates === undefined
    ? undefined
    : createHash('sha256').update(certificates).digest('hex')
}

async function findProblem(
  log: StateLog,
  used: UsedVersion,
): Promise<CountersignError | undefined> {
  const { version } = used
  try {
    const logged = await readLoggedVersion(log, version.publicKey.kid)
    const why = logged === undefined ? 'the log has no such version' : differenceOf(used, logged)
    return why === undefined ? undefined : unloggedBy(version, why)
  } catch (cause) {
    if (CountersignError.is(cause, 'ERR_FORMAT_UNSUPPORTED')) return notUnderstood(version, cause)
    if (!CountersignError.is(cause, 'ERR_LOG_PROOF_INVALID')) throw cause
    return unloggedBy(version, `the log contradicts itself: ${cause.message}`, cause)
  }
}

type Facts = Readonly<Record<string, string | number | undefined>>

function factsOf(version: KeyVersion): Facts {
  return {
    key: version.key,
    version: version.version,
    origin: version.origin,
    state: version.state,
    ...timesOf(version),
    certificates: certificatesSha256(version),
  }
}

function timesOf(version: KeyVersion | LoggedVersion): Facts {
  return {
    publishedAt: version.publishedAt?.toISOString(),
    activatedAt: version.activatedAt?.toISOString(),
    retiredAt: version.retiredAt?.toISOString(),
    revokedAt: version.revokedAt?.toISOString(),
    compromisedSince: version.compromisedSince?.toISOString(),
    destroyedAt: version.destroyedAt?.toISOString(),
  }
}

function differenceOf({ version, use }: UsedVersion, logged: LoggedVersion): string | undefined {
  const said: Facts = { ...factsOf(version), use }
  const known: Facts = {
    key: logged.key.name,
    version: logged.key.version,
    origin: logged.origin,
    state: logged.state,
    ...timesOf(logged),
    certificates: logged.certificatesSha256,
    use: logged.use,
  }
  const different = Object.keys(said).find((name) => said[name] !== known[name])
  if (different === undefined) return undefined
  return `${different} is ${said[different] ?? 'not set'}, and ${known[different] ?? 'not set'} by the log`
}

/** A replica of a later release changed it: this one must not guess how. */
function notUnderstood(version: KeyVersion, { message, hint }: CountersignError): CountersignError {
  const { key, version: number, publicKey } = version
  return new CountersignError('ERR_FORMAT_UNSUPPORTED', `the log on ${key}@${number}: ${message}`, {
    hint,
    details: { key, version: number, kid: publicKey.kid },
  })
}

function unloggedBy(version: KeyVersion, why: string, cause?: unknown): CountersignError {
  const { key, version: number, publicKey } = version
  const message = `${key}@${number} in the database does not match the log: ${why}`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'the row was changed by hand: find out by whom, and restore it as the log states it; until then it is not published and does not sign',
    reason: 'version-not-as-logged',
    details: { key, version: number, kid: publicKey.kid },
    cause,
  })
}
