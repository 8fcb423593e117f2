/**
 * A small world for the rules of rotation: replicas with clocks that differ by up to S, that learn of
 * changes up to R late and switch signers up to L late; verifiers with caches; tokens and artifact
 * signatures that are out. True time goes in whole seconds and is hidden from all. After each step the
 * world looks for a broken invariant of docs/design/rotation.md and throws a {@link Violation}.
 *
 * @packageDocumentation
 */
import type { KeyObject } from 'node:crypto'
import { type PublicKeyInfo, serializePublicKeyJwk } from '../../../src/crypto/public-key.ts'
import { CountersignError } from '../../../src/errors.ts'
import type { Key, KeyVersion, RotationPolicy } from '../../../src/keys/key.ts'
import type { VersionChange } from '../../../src/keys/version-change.ts'
import { activeVersion, isUnused, type KeyMoment } from '../../../src/keys/lifecycle.ts'
import { changePolicy } from '../../../src/keys/policy.ts'
import type { PublishedState } from '../../../src/keys/publication.ts'
import { assertKeyValid } from '../../../src/verification/key-validity.ts'
import { trustKeyHistory } from '../../../src/verification/trust.ts'
import { codeOf } from '../errors.ts'
import { poolKey, second } from '../key-versions.ts'
import { type Facts, type Replica, seenAt, type Settings, type Snapshot } from './facts.ts'
import type { Rules } from './rules.ts'
import { type CacheHabits, CachingVerifier, type FetchedSet } from './verifier.ts'

/** An invariant that does not hold. */
export class Violation extends Error {}

/** A signature that is out; of a token key, a token. */
interface Signed {
  readonly key: Key
  readonly kid: string
  /** By the clock of the replica that signed, in seconds. */
  readonly time: number
  readonly expires: number
}

const POOL_SIZE = 10
const MOST_SIGNED = 10

/** Real keys, whose export is made once: it is most of the time of a history otherwise. */
const pool: readonly PublicKeyInfo[] = Array.from({ length: POOL_SIZE }, (_, n) => {
  const key = poolKey(n)
  const jwk = serializePublicKeyJwk(key)
  const keyObject = Object.create(key.keyObject, { export: { value: () => jwk } }) as KeyObject
  return { ...key, keyObject }
})

/** The world; its methods are the steps of a history. */
export class World {
  readonly settings: Settings
  readonly #rules: Rules
  readonly verifiers: readonly { readonly name: string; readonly verifier: CachingVerifier }[]
  readonly #facts = new Map<string, Facts>()
  readonly #lastServed = new Map<Replica, number>()
  readonly #published = new Map<number, FetchedSet & { readonly sequence: number }>()
  #snapshots: Snapshot[]
  #signed: Signed[] = []
  #archive: Signed[] = []
  readonly #changes = new Set<string>()
  #made = 0
  #fetches = 0
  time = 0

  constructor(settings: Settings, rules: Rules) {
    this.settings = settings
    this.#rules = rules
    this.#snapshots = [{ from: 0, state: { sequence: 0, keys: settings.keys, versions: [] } }]
    this.verifiers = settings.keys.flatMap((key, n) => {
      if (key.use !== 'token') return []
      const { verifierCacheSeconds: keeps } = key.policy
      const habits: readonly Omit<CacheHabits, 'skew'>[] = [
        { keeps, cooldown: undefined },
        { keeps: 'max-age', cooldown: undefined },
        n === 0 ? { keeps, cooldown: 2 } : { keeps: 'until-unknown-kid', cooldown: 0 },
      ]
      return habits.map((habit, m) => {
        const skew = settings.verifierSkews[m] ?? 0
        return {
          name: key.name,
          verifier: new CachingVerifier({ ...habit, skew }, () => this.#fetch()),
        }
      })
    })
  }

  /** Changes of state that were made, `from to`. */
  get changes(): ReadonlySet<string> {
    return this.#changes
  }

  /** All keys and versions as the store has them. */
  get state(): PublishedState {
    return this.#snapshots.at(-1)?.state ?? { sequence: 0, keys: [], versions: [] }
  }

  /** Whether another version can be made. */
  get hasKeyPairs(): boolean {
    return this.#made < POOL_SIZE
  }

  /** The keys as the store has them. */
  get keys(): readonly Key[] {
    return this.state.keys
  }

  /** Operators choose other quantities for each key, and verifiers and replicas keep to them from now on. */
  changePolicies(policies: readonly [RotationPolicy, RotationPolicy], now: Date): void {
    const before = this.state
    const keys = before.keys.map((key, n) => {
      const { policy = key.policy } = { policy: policies[n] }
      return { ...key, ...changePolicy(key, policy, now) }
    })
    this.#snapshots.push({
      from: this.time,
      state: { ...before, sequence: before.sequence + 1, keys },
    })
    const [{ replicaLagSeconds, signerLagSeconds }] = policies
    for (const replica of this.settings.replicas) {
      // No replica goes back to what it served before, so none gets slower.
      replica.lag = Math.min(replica.lag, replicaLagSeconds)
      replica.signerLag = Math.min(replica.signerLag, signerLagSeconds)
    }
    for (const { name, verifier } of this.verifiers) {
      const { habits } = verifier
      const { verifierCacheSeconds } = this.#key(name).policy
      if (typeof habits.keeps === 'number') {
        verifier.habits = { ...habits, keeps: verifierCacheSeconds }
      }
    }
  }

  #key(name: string): Key {
    const key = this.keys.find((each) => each.name === name)
    if (key === undefined) throw new Error(`no key ${name}`)
    return key
  }

  /** A key as a replica finds it, by its own clock. */
  moment(key: Key, replica: Replica): KeyMoment {
    const versions = this.state.versions.filter((version) => version.key === key.name)
    return { key, versions, now: second(this.time + replica.skew) }
  }

  /** A key pair that was never used. */
  nextKeyPair(): { readonly publicKey: PublicKeyInfo; readonly uri: string } {
    const publicKey = pool[this.#made++ % POOL_SIZE]
    if (publicKey === undefined) throw new Error('the pool is empty')
    return { publicKey, uri: 'file:key.pem' }
  }

  /** Does a transition to a key, if the rules let it, and holds the result to the invariants. */
  transition(
    moment: KeyMoment,
    step: (moment: KeyMoment) => readonly VersionChange[],
    isForced = false,
  ): void {
    const changed = attempt(() => step(moment))
    if (changed === undefined) return
    const before = this.state
    const versions = this.#replaced(changed)
    for (const { after } of changed) this.#noteFacts(moment, after)
    const state = { ...before, sequence: before.sequence + 1, versions }
    this.#snapshots.push({ from: this.time, state })
    this.#assertSigners(moment, isForced)
    const served = (of: PublishedState) =>
      this.#rules.publishJwks(of, moment.now).document.keys.length
    if (!isForced && served(before) > 0 && served(state) === 0) {
      throw new Violation('5: a change of state emptied the JWKS')
    }
  }

  /** Compare-and-swap, as a store does it. */
  #replaced(changes: readonly VersionChange[]): readonly KeyVersion[] {
    const versions = [...this.state.versions]
    for (const { before, after: next } of changes) {
      const { kid } = next.publicKey
      const at = versions.findIndex(({ publicKey }) => publicKey.kid === kid)
      const revision = versions[at]?.revision ?? 0
      const from = versions[at]?.state
      if (before !== versions[at]) throw new Violation('a step states another version as before')
      if (from !== undefined) this.#changes.add(`${from} ${next.state}`)
      if (next.revision !== revision + 1) throw new Violation('a revision is not one more')
      versions[at === -1 ? versions.length : at] = next
    }
    return versions
  }

  #noteFacts(moment: KeyMoment, version: KeyVersion): void {
    const { kid } = version.publicKey
    const facts = this.#facts.get(kid) ?? {
      publishedAt: undefined,
      publishedUnder: undefined,
      isEarly: false,
      isAlone: false,
      isRevoked: false,
    }
    if (version.publishedAt !== undefined) {
      facts.publishedAt ??= this.time
      facts.publishedUnder ??= { ...moment.key, snapshots: this.#snapshots.length }
    }
    if (version.state === 'active') {
      facts.isEarly = version.isForced || isUnused(moment.versions)
      facts.isAlone = activeVersion(moment.versions) === undefined
    }
    this.#facts.set(kid, facts)
  }

  /** Remembers that a version was revoked, for whatever the rules make of that. */
  noteRevoked(kid: string): void {
    const facts = this.#facts.get(kid)
    if (facts !== undefined) facts.isRevoked = true
  }

  #assertSigners({ key, versions: before }: KeyMoment, isForced: boolean): void {
    const count = (versions: readonly KeyVersion[]) =>
      versions.filter((version) => version.key === key.name && version.state === 'active').length
    const active = count(this.state.versions)
    if (active > 1) throw new Violation('3: two versions are active')
    if (active < count(before) && !isForced) throw new Violation('3: a rotation ended signing')
  }

  #viewAt(time: number): PublishedState {
    const snapshot = this.#snapshots.findLast(({ from }) => from <= time)
    return (snapshot ?? this.#snapshots[0])?.state ?? this.state
  }

  #serve(replica: Replica): FetchedSet & { readonly sequence: number } {
    const served = this.#publish(this.#viewAt(this.time - replica.lag), this.time + replica.skew)
    if (served.sequence < (this.#lastServed.get(replica) ?? 0)) {
      throw new Violation('4: a replica served an older sequence')
    }
    this.#lastServed.set(replica, served.sequence)
    return served
  }

  /** The JWKS of a state at a second, made once. */
  #publish(state: PublishedState, time: number): FetchedSet & { readonly sequence: number } {
    const id = state.sequence * 100_000 + time
    const made = this.#published.get(id)
    if (made !== undefined) return made
    const { document, maxAgeSeconds } = this.#rules.publishJwks(state, second(time))
    const kids = new Set(document.keys.map(({ kid }) => kid))
    const { sequence } = document
    if (sequence !== state.sequence) throw new Violation('4: the JWKS has another sequence')
    const set = { kids, maxAgeSeconds, sequence }
    this.#published.set(id, set)
    return set
  }

  /** Any replica may answer. */
  #fetch(): FetchedSet {
    const { replicas } = this.settings
    const replica = replicas[this.#fetches++ % replicas.length]
    if (replica === undefined) throw new Error('no replica')
    return this.#serve(replica)
  }

  /** Signs with every key on every replica, verifies everything that is out, and looks at what is served. */
  observe(): void {
    for (const key of this.keys) {
      for (const replica of this.settings.replicas) this.#sign(key, replica)
    }
    this.#verifyTokens()
    this.#assertServed()
  }

  #sign(key: Key, replica: Replica): void {
    const moment = this.moment(key, replica)
    const { versions, now } = moment
    const seen = this.#viewAt(this.time - replica.signerLag).versions
    const remembered = seen.find(
      (version) => version.key === key.name && version.state === 'active',
    )
    const choices = [
      versions.find(({ version }) => version === remembered?.version),
      ...versions.filter(({ state }) => state === 'active'),
      ...versions.filter(({ state }) => state === 'retired'),
    ]
    const signer = choices.find(
      (version) => version !== undefined && this.#rules.signable(version, key, now) === undefined,
    )
    if (signer === undefined) {
      this.#assertMayStop(moment)
      return
    }
    const { kid } = signer.publicKey
    this.#assertMaySign(kid)
    const time = this.time + replica.skew
    // A replica that has not heard of another policy grants what the old one lets it.
    const known =
      this.#viewAt(this.time - replica.lag).keys.find(({ name }) => name === key.name) ?? key
    const expires = time + known.policy.maxTokenLifetimeSeconds
    const signed = { key: known, kid, time, expires }
    if (key.use === 'token') this.#signed = [...this.#signed.slice(1 - MOST_SIGNED), signed]
    else this.#archive.push(signed)
  }

  /** Only a replica whose clock is behind a first activation, or an emergency's, has nothing to sign with. */
  #assertMayStop({ versions, now }: KeyMoment): void {
    if (!versions.some(({ state }) => state === 'active')) return
    const isBehind = versions.some(({ publicKey: { kid }, activatedAt }) => {
      const facts = this.#facts.get(kid)
      const isAhead = activatedAt !== undefined && activatedAt > now
      return facts?.isRevoked === true || (facts?.isAlone === true && isAhead)
    })
    if (!isBehind) throw new Violation('3: nothing signs, though a version is active')
  }

  #assertMaySign(kid: string): void {
    const facts = this.#facts.get(kid)
    if (facts?.isRevoked === true) throw new Violation('7: a revoked version signed')
    if (facts?.publishedAt === undefined) throw new Violation('1: an unpublished version signed')
    if (!this.#isExcused(kid) && this.time < seenAt(facts, this.#snapshots)) {
      throw new Violation('1: a version signed before every verifier had seen it')
    }
  }

  /** Verifiers need not know it: it is revoked, or was activated early and the wait is not over. */
  #isExcused(kid: string): boolean {
    const facts = this.#facts.get(kid)
    if (facts?.publishedAt === undefined) return false
    return facts.isRevoked || (facts.isEarly && this.time < seenAt(facts, this.#snapshots))
  }

  #verifyTokens(): void {
    const live = ({ key, expires }: Signed, skew: number) =>
      this.time + skew < expires + key.policy.verifierLeewaySeconds
    this.#signed = this.#signed.filter((token) => live(token, 0))
    for (const { name, verifier } of this.verifiers) {
      for (const token of this.#signed) {
        if (token.key.name !== name || !live(token, verifier.habits.skew)) continue
        if (verifier.knows(token.kid, this.time) || this.#isExcused(token.kid)) continue
        throw new Violation(`2: a good token is refused (cache: ${verifier.habits.keeps})`)
      }
    }
  }

  #assertServed(): void {
    for (const replica of this.settings.replicas) {
      const { kids } = this.#serve(replica)
      const missing = this.#signed.find(({ kid }) => !kids.has(kid) && !this.#isExcused(kid))
      if (missing !== undefined) throw new Violation('2: the key of a good token is not served')
    }
    for (const kid of this.#publish(this.state, this.time).kids) {
      if (this.#facts.get(kid)?.isRevoked) throw new Violation('7: a revoked version is served')
    }
  }

  /** Judges every artifact signature by the published history, with a trusted time and without. */
  judge(): void {
    const trusted = new Map(
      trustKeyHistory(this.#rules.publishKeyHistory(this.state)).map((key) => [key.key.kid, key]),
    )
    for (const { kid, time } of this.#archive) {
      const key = trusted.get(kid)
      if (key === undefined) throw new Violation('6: a version that signed is not in the history')
      const version = this.state.versions.find(({ publicKey }) => publicKey.kid === kid)
      const at = { source: 'timestamp-authority', time: second(time) } as const
      const verdict = (times: readonly (typeof at)[]) =>
        codeOf(() => assertKeyValid(key, times, second(this.time)))
      const { compromisedSince } = version ?? {}
      const counts = compromisedSince === undefined || at.time < compromisedSince
      if ((verdict([at]) === 'accepted') !== counts) {
        throw new Violation(`6: with a trusted time the verdict is ${verdict([at])}`)
      }
      if (version?.state !== 'active' && verdict([]) === 'accepted') {
        throw new Violation('6: a version that is not active counts without a trusted time')
      }
    }
  }

  /** Time of the newest signature of a version, as the log has it. */
  lastSignature(kid: string): Date | undefined {
    const times = [...this.#archive, ...this.#signed].filter((signed) => signed.kid === kid)
    return times.length === 0 ? undefined : second(Math.max(...times.map(({ time }) => time)))
  }

  /** When tokens that are out end, by the last verifier. */
  get tokenEnds(): readonly number[] {
    return this.#signed.map(({ key, expires }) => expires + key.policy.verifierLeewaySeconds)
  }
}

/** What a step answers; undefined where the rules refuse it. */
function attempt<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    if (CountersignError.is(error)) return undefined
    throw error
  }
}
