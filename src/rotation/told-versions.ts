/**
 * Holds the versions of the store against the log. A version is published, signs and changes only as its
 * state entries tell it, so whoever writes the database brings in no key in silence.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import type { LogReader } from '../log/log-records.ts'
import { readToldVersion, type ToldVersion } from '../log/told-version.ts'

type ToldLog = Pick<LogReader, 'find' | 'entries'>

/** Versions as they may be used. */
export interface ToldSet {
  /** Each as the log tells it: what the store says of it now, else what it last said rightly. */
  readonly versions: readonly KeyVersion[]
  /** What the store says and the log does not tell. */
  readonly untold: readonly CountersignError[]
}

/** A version and the use of its key. */
interface UsedVersion {
  readonly version: KeyVersion
  readonly use: KeyUse | undefined
}

/** Remembers what was found right, so that the log is read only for what changed. */
export class ToldVersions {
  /** By kid; grows by {@link hold}. */
  readonly #right = new Map<string, UsedVersion>()

  /** Sorts out what the log does not tell of the versions of these keys. */
  async hold(
    log: ToldLog,
    keys: readonly Key[],
    versions: readonly KeyVersion[],
  ): Promise<ToldSet> {
    const uses = new Map(keys.map(({ name, use }) => [name, use]))
    const held: KeyVersion[] = []
    const untold: CountersignError[] = []
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
      else untold.push(problem)
      const usable = problem === undefined ? version : known
      if (usable !== undefined) held.push(usable)
    }
    return { versions: held, untold }
  }
}

/**
 * Makes sure that the log tells of a version what the store says.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not
 */
export async function assertTold(log: ToldLog, version: KeyVersion, use: KeyUse): Promise<void> {
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

async function findProblem(log: ToldLog, used: UsedVersion): Promise<CountersignError | undefined> {
  const { version } = used
  try {
    const told = await readToldVersion(log, version.publicKey.kid)
    const why = told === undefined ? 'the log tells of no such version' : differenceOf(used, told)
    return why === undefined ? undefined : untoldBy(version, why)
  } catch (cause) {
    if (CountersignError.is(cause, 'ERR_FORMAT_UNSUPPORTED')) return notUnderstood(version, cause)
    if (!CountersignError.is(cause, 'ERR_LOG_PROOF_INVALID')) throw cause
    return untoldBy(version, `the log contradicts itself: ${cause.message}`, cause)
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

function timesOf(version: KeyVersion | ToldVersion): Facts {
  return {
    publishedAt: version.publishedAt?.toISOString(),
    activatedAt: version.activatedAt?.toISOString(),
    retiredAt: version.retiredAt?.toISOString(),
    revokedAt: version.revokedAt?.toISOString(),
    compromisedSince: version.compromisedSince?.toISOString(),
    destroyedAt: version.destroyedAt?.toISOString(),
  }
}

function differenceOf({ version, use }: UsedVersion, told: ToldVersion): string | undefined {
  const said: Facts = { ...factsOf(version), use }
  const known: Facts = {
    key: told.key.name,
    version: told.key.version,
    origin: told.origin,
    state: told.state,
    ...timesOf(told),
    certificates: told.certificatesSha256,
    use: told.use,
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

function untoldBy(version: KeyVersion, why: string, cause?: unknown): CountersignError {
  const { key, version: number, publicKey } = version
  const message = `the database says of ${key}@${number} what the log does not tell: ${why}`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'somebody changed the database by hand: find out who, and put the row back as the log tells it (countersign log show --type state); until then it is not published, and does not sign',
    details: { key, version: number, kid: publicKey.kid },
    cause,
  })
}
