/** Publications over a keyring that a test changes, with a trust key in memory and a clock it moves. */
import type { CountersignError } from '../../src/errors.ts'
import type { Keyring, KeyringSnapshot } from '../../src/rotation/keyring.ts'
import { createPublications, type Publications } from '../../src/service/publishing/publications.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { type KeyStory, second } from './key-versions.ts'
import { ManualTimer } from './manual-timer.ts'
import { MemoryPublications } from './memory-publications.ts'
import { testSigner } from './signers.ts'

/** Who signs histories. */
export const TRUST_SIGNER: Signer = testSigner('ES256', 'trust')

/** A replica that may not be the only one. */
interface ReplicaOptions {
  readonly seconds: number
  /** Shared with other replicas. */
  readonly store?: MemoryPublications
}

/** A keyring of stories, and what is published of it. */
export class PublishedKeys {
  readonly publications: Publications
  readonly errors: CountersignError[] = []
  /** What is stored; another replica may share it. */
  readonly store: MemoryPublications
  /** Opens the trust key; a test may make it fail. */
  trustSigner: () => Promise<Signer> = () => Promise.resolve(TRUST_SIGNER)
  readonly #timer = new ManualTimer()
  readonly #stories: readonly KeyStory[]
  readonly #listeners = new Set<(snapshot: KeyringSnapshot) => void>()
  readonly #keyring: { snapshot: KeyringSnapshot; readonly onChange: Keyring['onChange'] }
  #seconds: number

  constructor(at: number | ReplicaOptions, ...stories: readonly KeyStory[]) {
    const { seconds, store } = typeof at === 'number' ? { seconds: at } : at
    this.store = store ?? new MemoryPublications()
    this.#seconds = seconds
    this.#stories = stories
    this.#keyring = {
      snapshot: this.#snapshot(this.store.sequence),
      onChange: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
    this.publications = createPublications({
      keyring: this.#keyring,
      store: this.store,
      onAnnouncement: this.store.onAnnouncement,
      lifetimes: { expiresSeconds: 86_400, offlineSeconds: 30 * 86_400 },
      random: () => 0,
      names: {
        issuer: 'https://sign.example.com',
        logOrigin: 'sign.example.com',
        auditOrigin: 'sign.example.com/audit',
      },
      trustSigner: () => this.trustSigner(),
      now: () => second(this.#seconds),
      startTimer: this.#timer.start,
      onError: (error) => this.errors.push(error),
    })
  }

  #snapshot(sequence: number): KeyringSnapshot {
    return {
      sequence,
      keys: this.#stories.map(({ key }) => key),
      versions: this.#stories.flatMap(({ versions }) => versions),
    }
  }

  /** Shows what the stories have become. */
  change(): void {
    this.store.sequence += 1
    this.follow()
  }

  /** Reads the number that another replica took, and shows the stories under it. */
  follow(): void {
    this.#keyring.snapshot = this.#snapshot(this.store.sequence)
    for (const listener of this.#listeners) listener(this.#keyring.snapshot)
  }

  /** Lets seconds pass. */
  pass(seconds: number): void {
    this.#seconds += seconds
    this.#timer.advance(seconds * 1000)
  }

  /** The pending listeners and waiters. */
  get isQuiet(): boolean {
    return this.#listeners.size + this.store.listening + this.#timer.running === 0
  }

  /** The text of a page; undefined if there is no such page. */
  text(path: string): string | undefined {
    const page = this.publications.page(path)
    return page && Buffer.from(page.body).toString()
  }
}
