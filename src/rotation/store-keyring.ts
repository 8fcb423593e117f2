/** The keyring over a store: a snapshot in memory that follows every change of any replica. */
import { CountersignError, type CountersignErrorOptions, toCountersignError } from '../errors.ts'
import type { Key, KeyUse, KeyVersion } from '../keys/key.ts'
import { activeVersion, standbyOf } from '../keys/lifecycle.ts'
import { startTimer, type StartTimer } from '../basics/timer.ts'
import type { Providers } from '../providers/registry.ts'
import type { Store } from '../store/store.ts'
import type { ActiveSigner, Keyring, KeyringSnapshot } from './keyring.ts'
import { OpenSigners, type SigningObserver } from './open-signers.ts'
import { isSameState, LoggedVersions } from './logged-versions.ts'

/** What a keyring stands on. */
export interface KeyringOptions {
  readonly store: Store
  readonly openKey: Providers['openKey']
  /** Milliseconds since some moment; left out, the snapshot is never old. */
  readonly monotonicMs?: () => number
  /** How often the store is read though nothing was announced, in ms; default 5000. */
  readonly pollMs?: number
  readonly startTimer?: StartTimer
  /** Sees every call to sign. */
  readonly observer?: SigningObserver
  /** Told of what fails in the background: the store is not there, a standby can't be opened. */
  readonly onError: (error: CountersignError) => void
}

/** What was read, and what of it the log does not record. */
interface LoggedSnapshot {
  readonly snapshot: KeyringSnapshot
  readonly unlogged: readonly CountersignError[]
}

/** A keyring that follows its store until it is disposed. */
export interface StoreKeyring extends Keyring, AsyncDisposable {
  /** What the store says of versions and the log does not record: it is not in the snapshot. */
  readonly unlogged: readonly CountersignError[]
  /** How long ago the store was last read, whether or not anything had changed. */
  readonly ageMs: () => number
}

/**
 * Makes a keyring and reads it for the first time. Of each version it has what the log records; what the store
 * alone says is reported and left out, and what it said rightly before stays. Signers of active versions and of standbys are opened
 * ahead, so that neither the first signature nor the first after a rotation waits for a backend.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — the first read fails; later ones are repeated
 */
export async function createKeyring(options: KeyringOptions): Promise<StoreKeyring> {
  const logged = new LoggedVersions()
  return new FollowingKeyring(options, logged, await readSnapshot(options.store, logged))
}

class FollowingKeyring implements StoreKeyring {
  readonly #options: KeyringOptions
  readonly #logged: LoggedVersions
  readonly #signers: OpenSigners
  readonly #listeners = new Set<(snapshot: KeyringSnapshot) => void>()
  readonly #stopListening: () => void
  /** Both written by #read alone. */
  #snapshot: KeyringSnapshot
  #unlogged: readonly CountersignError[] = []
  /** When that read began; by #read alone. */
  #readAtMs: number
  /** The read that is under way or was the last; never rejects. */
  #reading: Promise<void> = Promise.resolve()
  /** The read that begins when this one ends; set by refresh, cleared when it begins. */
  #waiting: Promise<void> | undefined
  #stopTimer: () => void = () => undefined
  #isDisposed = false

  constructor(
    options: KeyringOptions,
    logged: LoggedVersions,
    { snapshot, unlogged }: LoggedSnapshot,
  ) {
    this.#options = options
    this.#logged = logged
    this.#signers = new OpenSigners(options.openKey, options.observer)
    this.#snapshot = snapshot
    this.#readAtMs = this.#monotonicMs()
    this.#report(unlogged)
    this.#warm()
    this.#stopListening = options.store.onAnnouncement(() => {
      this.#refreshInBackground()
    })
    this.#poll()
  }

  get snapshot(): KeyringSnapshot {
    return this.#snapshot
  }

  get unlogged(): readonly CountersignError[] {
    return this.#unlogged
  }

  readonly ageMs = (): number => this.#monotonicMs() - this.#readAtMs

  async activeSigner(name: string, use: KeyUse): Promise<ActiveSigner> {
    const { key, version } = this.#findActive(name, use)
    return { key, version, signer: await this.#signers.open(version) }
  }

  onChange(listener: (snapshot: KeyringSnapshot) => void): () => void {
    const entry = (snapshot: KeyringSnapshot): void => {
      listener(snapshot)
    }
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  refresh(): Promise<void> {
    // A read that is under way may have begun before what the caller knows of.
    this.#waiting ??= this.#reading.then(() => {
      this.#waiting = undefined
      const reading = this.#read()
      this.#reading = reading.catch(() => undefined)
      return reading
    })
    return this.#waiting
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#stopListening()
    this.#stopTimer()
    this.#listeners.clear()
    await this.#reading
  }

  #findActive(name: string, use: KeyUse): { readonly key: Key; readonly version: KeyVersion } {
    const { keys, versions } = this.#snapshot
    const key = keys.find((each) => each.name === name)
    if (key === undefined) {
      throw new CountersignError('ERR_KEY_NOT_FOUND', `there is no key "${name}"`, {
        hint: 'list the keys to see which there are',
        reason: 'no-such-key',
        details: { key: name },
      })
    }
    if (key.use !== use) {
      throw notUsable(key, `its use is ${key.use}, not ${use}`, {
        hint: 'choose a key of that use',
      })
    }
    const version = activeVersion(versions.filter((each) => each.key === name))
    if (version !== undefined) return { key, version }
    throw notUsable(key, 'no version of it is active', {
      hint: 'activate one',
      reason: 'no-active-version',
    })
  }

  #monotonicMs(): number {
    return this.#options.monotonicMs?.() ?? 0
  }

  async #read(): Promise<void> {
    const startMs = this.#monotonicMs()
    const { snapshot, unlogged } = await readSnapshot(this.#options.store, this.#logged)
    if (this.#isDisposed) return
    this.#readAtMs = startMs
    this.#report(unlogged)
    if (isSame(snapshot, this.#snapshot)) return
    this.#snapshot = snapshot
    this.#warm()
    for (const listener of this.#listeners) listener(snapshot)
  }

  /** Once for each thing: the store is read again every few seconds. */
  #report(unlogged: readonly CountersignError[]): void {
    const known = new Set(this.#unlogged.map(({ message }) => message))
    this.#unlogged = unlogged
    for (const problem of unlogged) {
      if (!known.has(problem.message)) this.#options.onError(problem)
    }
  }

  #warm(): void {
    const { keys, versions } = this.#snapshot
    const ready = keys.flatMap(({ name }) => {
      const own = versions.filter(({ key }) => key === name)
      return [activeVersion(own), standbyOf(own)].filter((version) => version !== undefined)
    })
    this.#signers.keepOnly(ready)
    for (const version of ready) {
      this.#signers.open(version).catch((error: unknown) => {
        this.#options.onError(toCountersignError(error))
      })
    }
  }

  #poll(): void {
    const { startTimer: start = startTimer, pollMs = 5000 } = this.#options
    this.#stopTimer = start(() => {
      this.#refreshInBackground()
      this.#poll()
    }, pollMs)
  }

  #refreshInBackground(): void {
    if (this.#isDisposed) return
    this.refresh().catch((error: unknown) => {
      this.#options.onError(toCountersignError(error))
    })
  }
}

function notUsable(
  { name }: Key,
  why: string,
  remedy: Pick<CountersignErrorOptions, 'hint' | 'reason'>,
): CountersignError {
  return new CountersignError('ERR_KEY_NOT_USABLE', `the key "${name}" can't sign: ${why}`, {
    ...remedy,
    details: { key: name },
  })
}

/** Statements of a transaction may see what others committed between them, so the number is read twice. */
async function readSnapshot(store: Store, logged: LoggedVersions): Promise<LoggedSnapshot> {
  for (;;) {
    const { isWhole, ...read } = await store.transaction(async ({ keys: records, log }) => {
      const sequence = await records.sequence()
      const keys = await records.keys()
      const { versions, unlogged } = await logged.reconcile(log, keys, await records.versions())
      const isWhole = (await records.sequence()) === sequence
      return { snapshot: { sequence, keys, versions }, unlogged, isWhole }
    })
    if (isWhole) return read
  }
}

/** Every change of a version takes a number; a change of provider, or one by hand, takes none. */
function isSame(a: KeyringSnapshot, b: KeyringSnapshot): boolean {
  return (
    a.sequence === b.sequence &&
    JSON.stringify(a.keys) === JSON.stringify(b.keys) &&
    a.versions.length === b.versions.length &&
    a.versions.every((version, place) => {
      const other = b.versions[place]
      return other === version || (other !== undefined && isSameState(version, other))
    })
  )
}
