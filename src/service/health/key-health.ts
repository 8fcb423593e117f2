/**
 * Whether each key signs: known from the requests that use it, and from a probe where none did lately. Reading
 * it waits for no backend and asks none, since any client may read it, as often as they like.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../../basics/cancellation.ts'
import { startTimer, type StartTimer } from '../../basics/timer.ts'
import { type CountersignError, toCountersignError } from '../../errors.ts'
import type { Key } from '../../keys/key.ts'
import { activeVersion } from '../../keys/lifecycle.ts'
import type { Keyring } from '../../rotation/keyring.ts'
import type { ReadinessCheck } from '../context.ts'
import { type OutcomeClock, type SigningOutcome, SigningOutcomes } from './signing-outcomes.ts'

/** What it stands on. */
export interface KeyHealthOptions extends OutcomeClock {
  /** Called when a key stops signing, once until it signs again. */
  readonly onFailing: (error: CountersignError, key: string) => void
  readonly onHealed: (key: string) => void
  readonly startTimer?: StartTimer
  /** A signal that aborts after a time. */
  readonly deadline?: (milliseconds: number) => AbortSignal
}

/** No token, statement or note reads like this, so a signature over it can be taken for nothing. */
const PROBE = new TextEncoder().encode('countersign probe: says nothing of anything')

const TICK_MS = 1000
/** A key that nothing used for so long is probed. */
const IDLE_MS = 60_000
/** So is one that failed, unless its backend knows when it makes sense. */
const FAILING_MS = 5000
const PROBE_DEADLINE_MS = 10_000
/** How long a reader waits for the first answer of a backend after the start: less than any probe of Kubernetes. */
const FIRST_ANSWER_MS = 500

/** Follows the keys of a keyring until it is disposed. */
export class KeyHealth implements Disposable {
  /** Sees every call to sign; hand it to the keyring. */
  readonly outcomes: SigningOutcomes
  readonly #options: KeyHealthOptions
  readonly #stopped = new AbortController()
  /** What the newest probe failed with, by name: a key may not even be opened. */
  readonly #failedProbes = new Map<string, SigningOutcome>()
  readonly #probing = new Map<string, Promise<void>>()
  /** Keys that were reported as failing. */
  readonly #reported = new Set<string>()
  #keyring: Keyring | undefined
  #configured: readonly string[] | undefined
  #stopTimer: () => void = () => undefined

  constructor(options: KeyHealthOptions) {
    this.#options = options
    this.outcomes = new SigningOutcomes(options)
  }

  /**
   * Begins to probe.
   *
   * @param configured - names of the keys that sign; left out: all
   */
  watch(keyring: Keyring, configured?: readonly string[]): void {
    this.#keyring = keyring
    this.#configured = configured
    // Another version, or other rules: what was known counts no longer.
    const stop = keyring.onChange(() => {
      for (const key of this.#keys()) void this.#probe(key)
    })
    this.#stopped.signal.addEventListener('abort', stop)
    this.#tick()
  }

  /** A check for every key; it rejects with the newest failure. */
  checks(): readonly ReadinessCheck[] {
    return this.#keys().map((key) => ({
      name: `key ${key.name}`,
      key,
      since: () => this.#known(key)?.since,
      check: async (signal) => {
        if (this.#known(key) === undefined) await this.#firstAnswer(key, signal)
        const failure = this.#known(key)?.failure
        if (failure !== undefined) throw failure
      },
    }))
  }

  [Symbol.dispose](): void {
    this.#stopped.abort()
    this.#stopTimer()
  }

  async #firstAnswer(key: Key, signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.any([signal, this.#deadline(FIRST_ANSWER_MS)])
    await untilCancelled(this.#probe(key), patience)
  }

  #keys(): readonly Key[] {
    const keys = this.#keyring?.snapshot.keys ?? []
    return keys.filter(({ name }) => this.#configured?.includes(name) !== false)
  }

  #known({ name }: Key): SigningOutcome | undefined {
    const versions = this.#keyring?.snapshot.versions.filter(({ key }) => key === name) ?? []
    const kid = activeVersion(versions)?.publicKey.kid
    const signed = kid === undefined ? undefined : this.outcomes.of(kid)
    const failed = this.#failedProbes.get(name)
    if (signed === undefined || failed === undefined) return signed ?? failed
    return signed.atMs >= failed.atMs ? signed : failed
  }

  #tick(): void {
    this.#look()
    const { startTimer: start = startTimer } = this.#options
    this.#stopTimer = start(() => {
      this.#tick()
    }, TICK_MS)
  }

  #look(): void {
    for (const key of this.#keys()) {
      const known = this.#known(key)
      this.#report(key, known)
      if (this.#isDue(known)) void this.#probe(key)
    }
    const versions = this.#keyring?.snapshot.versions ?? []
    this.outcomes.keepOnly(new Set(versions.map(({ publicKey }) => publicKey.kid)))
  }

  #isDue(known: SigningOutcome | undefined): boolean {
    if (known === undefined) return true
    const { atMs, failure } = known
    const askedMs = (failure?.retryAfterSeconds ?? 0) * 1000
    const waitMs =
      failure === undefined ? IDLE_MS : Math.min(IDLE_MS, Math.max(FAILING_MS, askedMs))
    return this.#options.monotonicMs() - atMs >= waitMs
  }

  #report({ name }: Key, known: SigningOutcome | undefined): void {
    const failure = known?.failure
    if (failure === undefined) {
      if (known !== undefined && this.#reported.delete(name)) this.#options.onHealed(name)
    } else if (!this.#reported.has(name)) {
      this.#reported.add(name)
      this.#options.onFailing(failure, name)
    }
  }

  /** Signs, one probe of a key at a time; what comes of it is known afterwards. Never rejects. */
  #probe(key: Key): Promise<void> {
    const running = this.#probing.get(key.name)
    if (running !== undefined) return running
    const probe = this.#signProbe(key).finally(() => {
      this.#probing.delete(key.name)
      this.#report(key, this.#known(key))
    })
    this.#probing.set(key.name, probe)
    return probe
  }

  async #signProbe(key: Key): Promise<void> {
    const { name, use } = key
    const signal = AbortSignal.any([this.#stopped.signal, this.#deadline(PROBE_DEADLINE_MS)])
    try {
      const opening = this.#keyring?.activeSigner(name, use)
      if (opening === undefined) return
      const { signer } = await untilCancelled(opening, signal)
      await signer.sign(PROBE, { signal })
      this.#failedProbes.delete(name)
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#keepFailure(key, toCountersignError(error))
    }
  }

  #keepFailure(key: Key, failure: CountersignError): void {
    const { monotonicMs, now } = this.#options
    const known = this.#known(key)
    const since = known?.failure === undefined ? now() : known.since
    this.#failedProbes.set(key.name, { failure, since, atMs: monotonicMs() })
  }

  #deadline(milliseconds: number): AbortSignal {
    return (this.#options.deadline ?? AbortSignal.timeout)(milliseconds)
  }
}
