/** What work on artifacts takes from its surroundings. */

/** What is being read, to show progress. */
export interface Reading {
  /** What to call it: `hashing app.tar.gz`. */
  readonly label: string
  /** Bytes in all, where that is known. */
  readonly total?: number | undefined
}

/** Clock and signal, and where notes go; only the clock is needed. */
export interface ArtifactWorld {
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
  /** Content of the artifact `-`; read once. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  /** Passes content on and watches it go by: progress, or an end when the user cancels. */
  readonly watch?:
    ((chunks: AsyncIterable<Uint8Array>, reading: Reading) => AsyncIterable<Uint8Array>) | undefined
  /** Receives where was looked and what was found there; each as one line. */
  readonly report?: ((note: string) => void) | undefined
  /** Receives what a person should know, though the work goes on. */
  readonly warn?: ((warning: string) => void) | undefined
}
