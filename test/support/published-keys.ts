/** Publications over a keyring that a test changes, with a trust key in memory and a clock it moves. */
import type { CountersignError } from '../../src/errors.ts'
import type { Keyring, KeyringSnapshot } from '../../src/rotation/keyring.ts'
import { createPublications, type Publications } from '../../src/service/publications.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { type KeyStory, second } from './key-versions.ts'
import { ManualTimer } from './manual-timer.ts'
import { testSigner } from './signers.ts'

/** Who signs histories. */
export const TRUST_SIGNER: Signer = testSigner('ES256', 'trust')

/** A keyring of stories, and what is published of it. */
export class PublishedKeys {
  readonly publications: Publications
  readonly errors: CountersignError[] = []
  /** Opens the trust key; a test may make it fail. */
  trustSigner: () => Promise<Signer> = () => Promise.resolve(TRUST_SIGNER)
  readonly #timer = new ManualTimer()
  readonly #stories: readonly KeyStory[]
  readonly #listeners = new Set<(snapshot: KeyringSnapshot) => void>()
  readonly #keyring: { snapshot: KeyringSnapshot; readonly onChange: Keyring['onChange'] }
  #seconds: number

  constructor(seconds: number, ...stories: readonly KeyStory[]) {
    this.#seconds = seconds
    this.#stories = stories
    this.#keyring = {
      snapshot: this.#snapshot(1),
      onChange: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
    this.publications = createPublications({
      keyring: this.#keyring,
      issuer: 'https://sign.example.com',
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
    this.#keyring.snapshot = this.#snapshot(this.#keyring.snapshot.sequence + 1)
    for (const listener of this.#listeners) listener(this.#keyring.snapshot)
  }

  /** Lets seconds pass. */
  pass(seconds: number): void {
    this.#seconds += seconds
    this.#timer.advance(seconds * 1000)
  }

  /** Whoever still listens or waits. */
  get isQuiet(): boolean {
    return this.#listeners.size === 0 && this.#timer.running === 0
  }

  /** The text of a page; undefined where there is none. */
  text(path: string): string | undefined {
    const page = this.publications.page(path)
    return page && Buffer.from(page.body).toString()
  }
}
