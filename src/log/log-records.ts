/**
 * What the log asks of a store, inside one transaction. `src/store` implements it.
 *
 * @packageDocumentation
 */

/** Size and compact state of the Merkle tree. */
export interface LogHead {
  /** Number of entries. */
  readonly size: number
  /** Root (RFC 6962 section 2.1), 32 bytes. */
  readonly root: Uint8Array
  /** Latest time of an entry since the last `clock` entry; undefined: there are no entries. */
  readonly latest: Date | undefined
}

/** One entry as stored. */
export interface StoredEntry {
  readonly index: number
  /** Leaf data: the bytes that are hashed; at most 65,535. */
  readonly data: Uint8Array
  /** By which entries are found: `kid:…`, `digest:sha256:…`, `jti:…`, `bundle:…`, `type:…`; label-scope.ts. */
  readonly labels: readonly string[]
}

/** A tile of hashes (C2SP tlog-tiles): up to 256 hashes of 32 bytes, one behind the other. */
export interface StoredTile {
  readonly level: number
  readonly index: number
  readonly hashes: Uint8Array
}

/** A checkpoint that was signed. */
export interface StoredCheckpoint {
  readonly size: number
  /** The signed note, text. */
  readonly note: string
}

/** Reading the log; an answer is of one moment. */
export interface LogReader {
  head(): Promise<LogHead>
  /** As much of a tile as there is; undefined where nothing is. */
  tile(level: number, index: number): Promise<Uint8Array | undefined>
  /** Leaf data of the entries from `start` on, in order, up to and without `end`; fewer where the log ends. */
  entries(start: number, end: number): Promise<readonly Uint8Array[]>
  /**
   * Where entries with a label may be, newest first: their indices, or for a label that is frequent
   * (label-scope.ts) the first index of each block with one. What is read there decides.
   */
  find(
    label: string,
    options: { readonly limit: number; readonly before?: number },
  ): Promise<readonly number[]>
  /** The newest checkpoint. */
  checkpoint(): Promise<StoredCheckpoint | undefined>
  /** The newest checkpoint that the quorum of witnesses cosigned. */
  witnessed(): Promise<StoredCheckpoint | undefined>
  /** How many entries from the first on may lie outside of the database; their labels do not. */
  moved(): Promise<number>
}

/** Writing the log, within one transaction. */
export interface LogRecords extends LogReader {
  /** Reads the head and keeps every other writer, on every replica, out until the transaction ends. */
  lockHead(): Promise<LogHead>
  insertEntries(entries: readonly StoredEntry[]): Promise<void>
  /** Writes tiles over what was there. */
  putTiles(tiles: readonly StoredTile[]): Promise<void>
  putHead(head: LogHead): Promise<void>
  /** Keeps a checkpoint, unless a larger or equal one is there; answers whether it was kept. */
  putCheckpoint(checkpoint: StoredCheckpoint): Promise<boolean>
  /**
   * Removes leaves that lie elsewhere, with their hashes; those of rare labels stay, which the service needs at
   * any time. False, and nothing is removed: {@link LogReader.moved} is not `start`.
   */
  forgetMoved(start: number, end: number): Promise<boolean>
  /**
   * Keeps a checkpoint with its cosignatures, over the one of that size, unless a larger one is there; where it is
   * witnessed, as {@link LogReader.witnessed} too, by the same rule.
   */
  putCosigned(checkpoint: StoredCheckpoint, isWitnessed: boolean): Promise<void>
  /** Forgets the checkpoints: the next one continues none. */
  dropCheckpoint(): Promise<void>
}
