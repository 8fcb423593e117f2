/**
 * Has the checkpoints of one log cosigned by its witnesses, off the path of signatures. Witnesses that do not
 * answer are reported and asked again later; nothing waits for them.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../errors.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import type { NoteKey } from '../formats/note-key.ts'
import {
  type NoteSignature,
  parseSignedNote,
  serializeSignedNote,
  type SignedNote,
} from '../formats/signed-note.ts'
import { readCosignatures } from '../formats/witnesses.ts'
import type { AddCheckpoint } from '../formats/add-checkpoint.ts'
import type { LogReader, StoredCheckpoint } from './log-records.ts'
import { proveConsistency } from './proofs.ts'
import { nodesOfTiles } from './tiles.ts'

/** A witness, wherever it is. */
export interface AskedWitness {
  readonly key: NoteKey
  /** Answers its cosignature, or the size of the tree that it cosigned last. */
  addCheckpoint(
    request: AddCheckpoint,
    signal?: AbortSignal,
  ): Promise<
    | { readonly kind: 'cosigned'; readonly signature: NoteSignature }
    | { readonly kind: 'conflict'; readonly size: number }
  >
}

/** What a feed stands on. */
export interface WitnessFeedOptions {
  readonly log: LogReader
  readonly witnesses: readonly AskedWitness[]
  /** How many of them make a checkpoint a witnessed one. */
  readonly quorum: number
  /** Keeps a checkpoint with its cosignatures. */
  readonly keep: (checkpoint: StoredCheckpoint, isWitnessed: boolean) => Promise<unknown>
  /** Told of a witness once, until it cosigns again. */
  readonly onError: (error: CountersignError) => void
}

/** Rounds that another replica is given to have its own checkpoint cosigned. */
const PATIENCE = 5
/** Most rounds that a witness which failed is left alone. */
const MAX_REST = 60

/** One witness, and what is known of it. */
interface Contact {
  readonly witness: AskedWitness
  /** Size of the tree that it cosigned last; it corrects that itself. */
  size: number
  failure: CountersignError | undefined
  failures: number
  /** Rounds until it is asked again. */
  rest: number
}

/** Offers checkpoints to witnesses. */
export class WitnessFeed {
  readonly #options: WitnessFeedOptions
  readonly #contacts: readonly Contact[]
  #round: Promise<void> | undefined
  /** The checkpoint that was found last, and for how many rounds; zero for one of this replica. */
  #seen = { size: -1, rounds: 0 }

  constructor(options: WitnessFeedOptions) {
    this.#options = options
    this.#contacts = options.witnesses.map((witness) => ({
      ...{ witness, size: 0, failure: undefined, failures: 0, rest: 0 },
    }))
  }

  /** Why a witness did not cosign when it was asked last; undefined where all that were asked did. */
  failure(): CountersignError | undefined {
    return this.#contacts.find(({ failure }) => failure !== undefined)?.failure
  }

  /** Whether so many witnesses failed that the quorum is out of reach. */
  isShort(): boolean {
    const well = this.#contacts.filter(({ failure }) => failure === undefined)
    return well.length < this.#options.quorum
  }

  /**
   * Whether the quorum of this replica cosigned a checkpoint: another may be content with less.
   *
   * @throws {@link CountersignError} ERR_NOTE_INVALID — a line of a witness does not verify
   */
  isWitnessed({ note }: StoredCheckpoint): boolean {
    const keys = this.#options.witnesses.map(({ key }) => key)
    const cosignatures = readCosignatures(parseSignedNote(Buffer.from(note)), keys)
    return cosignatures.length >= this.#options.quorum
  }

  /** Has the next round offer this checkpoint: it is of this replica, so others wait for it. */
  published({ size }: Pick<StoredCheckpoint, 'size'>): void {
    if (size >= this.#seen.size) this.#seen = { size, rounds: PATIENCE }
  }

  /**
   * Offers the newest checkpoint to the witnesses that did not cosign it; a round that still runs is waited for.
   *
   * @throws {@link CountersignError} those of the store
   */
  async round(): Promise<void> {
    this.#round ??= this.#offerNewest().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async #offerNewest(): Promise<void> {
    const newest = await this.#options.log.checkpoint()
    if (newest === undefined || newest.size === 0) return
    const isKnown = newest.size === this.#seen.size
    this.#seen = { size: newest.size, rounds: isKnown ? this.#seen.rounds + 1 : 0 }
    if (this.#seen.rounds < PATIENCE) return
    const due = this.#contacts.filter((contact) => contact.rest === 0)
    for (const contact of this.#contacts) contact.rest = Math.max(0, contact.rest - 1)
    await this.#offer(newest, due)
  }

  async #offer(checkpoint: StoredCheckpoint, contacts: readonly Contact[]): Promise<void> {
    const note = parseSignedNote(Buffer.from(checkpoint.note))
    const keys = this.#options.witnesses.map(({ key }) => key)
    const done = readCosignatures(note, keys).map(({ witness }) => witness)
    const open = contacts.filter(({ witness }) => !done.includes(witness.key))
    if (open.length === 0) return
    const answers = await Promise.all(open.map((contact) => this.#ask(contact, checkpoint)))
    const lines = answers.filter((line) => line !== undefined)
    if (lines.length === 0) return
    const count = done.length + lines.length
    const { size } = checkpoint
    await this.#options.keep({ size, note: withLines(note, lines) }, count >= this.#options.quorum)
  }

  /** Undefined where it does not cosign. */
  async #ask(
    contact: Contact,
    checkpoint: StoredCheckpoint,
    signal?: AbortSignal,
  ): Promise<NoteSignature | undefined> {
    try {
      const signature = await this.#cosign(contact, checkpoint, signal)
      Object.assign(contact, { failure: undefined, failures: 0, rest: 0 })
      return signature
    } catch (error) {
      this.#fail(contact, toCountersignError(error))
      return undefined
    }
  }

  #fail(contact: Contact, error: CountersignError): void {
    const isNew = contact.failure?.message !== error.message
    contact.failure = error
    contact.failures += 1
    contact.rest = Math.min(MAX_REST, 2 ** Math.min(contact.failures - 1, 10))
    if (isNew) this.#options.onError(error)
  }

  async #cosign(
    contact: Contact,
    { note, size }: StoredCheckpoint,
    signal: AbortSignal | undefined,
  ): Promise<NoteSignature | undefined> {
    const { log } = this.#options
    const node = nodesOfTiles((level, index) => log.tile(level, index))
    // Twice, since another replica may come in between.
    for (let attempt = 0; attempt < 3 && contact.size <= size; attempt += 1) {
      const proof = await proveConsistency(contact.size, size, node)
      const request = { oldSize: contact.size, proof, note: Buffer.from(note) }
      const reply = await contact.witness.addCheckpoint(request, signal)
      contact.size = reply.kind === 'cosigned' ? size : reply.size
      if (reply.kind === 'cosigned') return reply.signature
    }
    // It saw a later checkpoint, of another replica: that one is cosigned.
    const head = await log.head()
    if (contact.size <= head.size) return undefined
    throw sawMore(contact, head.size)
  }

  /**
   * Offers a checkpoint at once, and keeps it as soon as the quorum cosigned it; undefined where that cannot be
   * reached now.
   */
  async witness(
    checkpoint: StoredCheckpoint,
    signal: AbortSignal,
  ): Promise<StoredCheckpoint | undefined> {
    const { keep, quorum } = this.#options
    const { size } = checkpoint
    const note = parseSignedNote(Buffer.from(checkpoint.note))
    const lines: NoteSignature[] = []
    const reached = Promise.withResolvers<undefined>()
    const all = Promise.all(
      this.#contacts.map(async (contact) => {
        const line = await this.#ask(contact, checkpoint, signal)
        if (line !== undefined) lines.push(line)
        if (lines.length >= quorum) reached.resolve(undefined)
      }),
    )
    await Promise.race([reached.promise, all])
    if (lines.length < quorum) return undefined
    const cosigned = { size, note: withLines(note, lines) }
    await keep(cosigned, true)
    return cosigned
  }
}

function sawMore({ size, witness: { key } }: Contact, head: number): CountersignError {
  const message = `the witness ${key.name} saw ${size} entries of the log, which has ${head}`
  return new CountersignError('ERR_WITNESS_MISSING', message, {
    hint: 'was the database restored from a backup? see docs/runbooks/restore.md',
    details: { witness: key.name, size, head },
  })
}

/** A note with lines in place of others of the same keys. */
function withLines({ text, signatures }: SignedNote, lines: readonly NoteSignature[]): string {
  const isNew = ({ name, id }: NoteSignature): boolean =>
    !lines.some((line) => line.name === name && Buffer.from(line.id).equals(id))
  return serializeSignedNote({ text, signatures: [...signatures.filter(isNew), ...lines] })
}

/** Size of a checkpoint's tree, and its root. */
export function treeOf({ note }: StoredCheckpoint): {
  readonly size: number
  readonly root: Uint8Array
} {
  const { size, root } = parseCheckpoint(parseSignedNote(Buffer.from(note)).text)
  return { size, root }
}
