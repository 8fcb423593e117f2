/** What providers need of the process they run in; they never look at the environment or a terminal themselves. */

/** A secret that a provider needs. */
export interface SecretRequest {
  /** Variable of the environment that may hold it. */
  readonly variable: string
  /** What a person is asked where no variable holds it. */
  readonly prompt: string
}

/** The process around a provider. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: typeof fetch
  /** The clock: tokens are renewed before they end. */
  readonly now: () => Date
  /** Passphrase of an encrypted key file, by its path; undefined: none. */
  readonly readPassphrase: (path: string) => Promise<string | undefined>
  /** Passphrase for a new key file; undefined: it is not encrypted. */
  readonly readNewPassphrase: (path: string) => Promise<string | undefined>
  /** Any other secret; undefined: none. */
  readonly readSecret: (secret: SecretRequest) => Promise<string | undefined>
}
