/**
 * The signer of one log: it signs nothing that does not continue what was signed before, so a database
 * changed behind the service's back gets no signature.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { type Checkpoint, openCheckpoint, serializeCheckpoint } from '../formats/checkpoint.ts'
import { logKeyId, logVerifierKey } from '../formats/note-key.ts'
import { serializeSignedNote } from '../formats/signed-note.ts'
import type { Signer } from '../signing/signer.ts'
import type { LogHead, LogReader, StoredCheckpoint } from './log-records.ts'
import { verifyConsistency } from '../crypto/merkle.ts'
import { proveConsistency, treeRoot } from './proofs.ts'
import { nodesOfTiles } from './tiles.ts'

/** The keys of a log. */
export interface LogKeys {
  /** Signs now; Ed25519. */
  readonly signer: Signer
  /** Those that signed before, as far as a checkpoint of theirs may be the newest. */
  readonly earlier?: readonly PublicKeyInfo[] | undefined
}

/** Whose checkpoints are signed. */
export interface TreeSignerOptions {
  /** Name of the log for ever. */
  readonly origin: string
  readonly openKeys: () => Promise<LogKeys>
}

/** The part of a stored log that shows whether a tree continues. */
export type SignedTree = Pick<LogReader, 'checkpoint' | 'head' | 'tile'>

/** A checkpoint, and whose it is. */
export interface SignedCheckpoint extends StoredCheckpoint {
  /** Of the key that signed it, 32 bytes. */
  readonly keyId: Uint8Array
}

/** Size and root of a tree. */
export type TreeHead = Pick<LogHead, 'size' | 'root'>

/** Signs checkpoints of one log, for everything in this process that needs one. */
export class TreeSigner {
  readonly #options: TreeSignerOptions
  /** The largest this replica signed or saw; what the database says can't take it back. */
  #last: Checkpoint | undefined

  constructor(options: TreeSignerOptions) {
    this.#options = options
  }

  /** Whether the tree of that size is the largest that was signed or seen here. */
  hasSeen({ size }: Pick<TreeHead, 'size'>): boolean {
    return this.#last?.size === size
  }

  /**
   * Reads the head of a log, and makes sure that it continues the largest tree that was signed or seen: its
   * tiles lead to its root, and from the one to the other. Reads no tile where it is that very one.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not; ERR_NOTE_INVALID — the stored
   * checkpoint is not of this log; ERR_ALGORITHM_UNSUPPORTED — the log's key is not of Ed25519
   */
  async readHead(log: SignedTree): Promise<TreeHead> {
    // A head is never older than what was signed before it was read; others sign meanwhile.
    const last = this.#last
    const known = await log.head()
    if (isSameTree(last, known)) return known
    const stored = await log.checkpoint()
    const head = await log.head()
    const previous = largest(last, stored && (await this.#open(stored)))
    await assertContinues(previous, head, log)
    this.#see(head)
    return head
  }

  /**
   * Signs a tree that {@link TreeSigner.readHead} let pass, or one that was built on it.
   *
   * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — as above; and those of the signer
   */
  async sign(head: TreeHead, signal?: AbortSignal): Promise<SignedCheckpoint> {
    const { origin, openKeys } = this.#options
    const { signer } = await openKeys()
    this.#see(head)
    const { name, id } = logVerifierKey(origin, signer.key)
    const text = serializeCheckpoint({ origin, extensions: [], ...head })
    const signature = await signer.sign(Buffer.from(text), { signal })
    const note = serializeSignedNote({ text, signatures: [{ name, id, signature }] })
    return { size: head.size, note, keyId: logKeyId(origin, signer.key) }
  }

  #see({ size, root }: TreeHead): void {
    const seen = { origin: this.#options.origin, extensions: [], size, root }
    this.#last = largest(this.#last, seen)
  }

  async #open({ note }: StoredCheckpoint): Promise<Checkpoint> {
    const { origin, openKeys } = this.#options
    const { signer, earlier = [] } = await openKeys()
    const keys = [signer.key, ...earlier].map((key) => logVerifierKey(origin, key))
    return openCheckpoint(Buffer.from(note), { keys, origin })
  }
}

function isSameTree(one: TreeHead | undefined, { size, root }: TreeHead): boolean {
  return one?.size === size && Buffer.from(one.root).equals(root)
}

function largest(
  one: Checkpoint | undefined,
  another: Checkpoint | undefined,
): Checkpoint | undefined {
  if (one === undefined || another === undefined) return one ?? another
  return another.size > one.size ? another : one
}

async function assertContinues(
  from: Checkpoint | undefined,
  to: TreeHead,
  log: Pick<LogReader, 'tile'>,
): Promise<void> {
  if (from !== undefined && to.size < from.size) throw wentBack(from.size, to.size)
  const node = nodesOfTiles((level, index) => log.tile(level, index))
  const root = await treeRoot(to.size, node)
  verifyConsistency({ from: { size: to.size, root }, to, proof: [] })
  if (from === undefined) return
  verifyConsistency({ from, to, proof: await proveConsistency(from.size, to.size, node) })
}

function wentBack(before: number, now: number): CountersignError {
  const message = `a checkpoint was signed at ${before} entries, and the log has ${now}: it went back`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'was the database restored from a backup? entries are missing that others may have seen',
    details: { before, now },
  })
}
