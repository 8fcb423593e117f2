/**
 * Objects outside of the database: a folder or a bucket, written by compare-and-swap, so that what another
 * process wrote is never lost.
 *
 * @packageDocumentation
 */

/** An object as it was read. */
export interface StoredObject {
  readonly bytes: Uint8Array
  /** Differs whenever the content does: an entity tag, or a digest. */
  readonly version: string
}

/** What a server that hands out objects states of one. */
export interface ObjectHeaders {
  readonly contentType?: string
  readonly cacheControl?: string
}

/** Against what an object is written. */
export interface WriteObjectOptions {
  /** What was read before; undefined: nothing is there. */
  readonly seen: Pick<StoredObject, 'version'> | undefined
  readonly headers?: ObjectHeaders
}

/** Keeps objects by key; keys are relative paths whose segments are separated by `/`. */
export interface ObjectStorage extends AsyncDisposable {
  /** Where that is, for people: `/srv/log`, `s3://bucket/log`. */
  readonly name: string
  /**
   * Reads an object; undefined if absent.
   *
   * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxBytes`; ERR_FILE_READ — the folder cannot be
   * read; ERR_STORE_UNAVAILABLE — the bucket does not answer
   */
  read(key: string, maxBytes: number): Promise<StoredObject | undefined>
  /**
   * Writes an object where what is stored is what was seen; durable when the promise fulfils. False: it is not,
   * and nothing was written.
   *
   * @throws {@link CountersignError} ERR_FILE_WRITE, ERR_STORE_UNAVAILABLE
   */
  write(key: string, bytes: Uint8Array, options: WriteObjectOptions): Promise<boolean>
  /**
   * Removes an object; one that is not there is removed already.
   *
   * @throws {@link CountersignError} ERR_FILE_WRITE, ERR_STORE_UNAVAILABLE
   */
  remove(key: string): Promise<void>
}
