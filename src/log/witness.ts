/**
 * A witness (C2SP tlog-witness): it cosigns a checkpoint of a log that it knows if the tree continues the largest
 * that it cosigned before, so of two trees under one name it cosigns one. Requests are attacker-controlled.
 *
 * @packageDocumentation
 */
import { EMPTY_ROOT, HASH_BYTES, verifyConsistency } from '../crypto/merkle.ts'
import { CountersignError } from '../errors.ts'
import { type AddCheckpoint, parseAddCheckpoint } from '../formats/add-checkpoint.ts'
import type { Checkpoint } from '../formats/checkpoint.ts'
import { cosignedMessage, serializeCosignature } from '../formats/cosignature.ts'
import { type NoteKey, witnessVerifierKey } from '../formats/note-key.ts'
import {
  type NoteSignature,
  parseSignedNote,
  serializeSignedNote,
  type SignedNote,
  verifySignedNote,
} from '../formats/signed-note.ts'
import { readWitnessable } from '../formats/witnesses.ts'
import type { Signer } from '../signing/signer.ts'

/** The largest tree of a log that a witness cosigned. */
export interface WitnessedTree {
  readonly size: number
  readonly root: Uint8Array
  /** The checkpoint with the signatures of the log and the witness. */
  readonly note: string
}

/** Where a witness remembers trees; what is there survives a crash. */
export interface WitnessState {
  read(origin: string): Promise<WitnessedTree | undefined>
  /** Replaces the tree that was read, and answers false where it is another one by now. Durable once it fulfils. */
  replace(origin: string, read: WitnessedTree | undefined, tree: WitnessedTree): Promise<boolean>
}

/** Who a witness is, and for whom it cosigns. */
export interface WitnessOptions {
  readonly name: string
  /** Ed25519, and used for nothing else. */
  readonly signer: Signer
  /** Keys of logs by the name under which they sign; several of one name are of one log. */
  readonly logs: readonly NoteKey[]
  readonly state: WitnessState
  readonly now: () => Date
}

/** An answer of the protocol. */
export type WitnessAnswer =
  | { readonly status: 200; readonly lines: string }
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 409 | 422; readonly reason: string }

/** Cosigns checkpoints. */
export class Witness {
  readonly #options: WitnessOptions
  /** Its verifier key. */
  readonly key: NoteKey

  /** @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED, ERR_NOTE_INVALID — the key, the name or a log */
  constructor(options: WitnessOptions) {
    this.key = witnessVerifierKey(options.name, options.signer.key)
    for (const { kind, name, key } of options.logs) {
      if (kind !== 'signature' || key.kid === this.key.key.kid) throw notALog(name)
    }
    this.#options = options
  }

  /**
   * Answers an add-checkpoint request.
   *
   * @throws {@link CountersignError} the errors of the state and of the signer: nothing was cosigned
   */
  async addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    const request = attempt(400, () => readRequest(body))
    if ('status' in request) return request
    const { checkpoint, note, oldSize } = request
    const keys = this.#options.logs.filter(({ name }) => name === checkpoint.origin)
    if (keys.length === 0) return { status: 404, reason: 'unknown log' }
    const signed = attempt(403, () => verifySignedNote(note, keys))
    if ('status' in signed) return signed
    if (oldSize > checkpoint.size) {
      return { status: 400, reason: 'the old size is larger than that of the checkpoint' }
    }
    return this.#continue(request)
  }

  async #continue(request: WitnessRequest): Promise<WitnessAnswer> {
    const { checkpoint, note, oldSize } = request
    const { origin, root, size } = checkpoint
    const { state } = this.#options
    const known = await state.read(origin)
    const last = known ?? { size: 0, root: EMPTY_ROOT }
    if (last.size !== oldSize) return { status: 409, size: last.size }
    if (size === last.size && !Buffer.from(root).equals(last.root)) {
      return { status: 409, reason: 'another tree of that size is known under the name of the log' }
    }
    const consistent = attempt(422, () => {
      assertContinues(last, request)
      return {}
    })
    if ('status' in consistent) return consistent
    // Remembered before it is handed out: after a crash in between, the log asks again.
    const cosignature = await this.#cosign(note)
    const signatures = [...this.#ownAndLogs(note), cosignature]
    const tree = { size, root, note: serializeSignedNote({ text: note.text, signatures }) }
    if (await state.replace(origin, known, tree)) {
      return {
        status: 200,
        lines: serializeSignedNote({ text: '', signatures: [cosignature] }).slice(1),
      }
    }
    return { status: 409, size: (await state.read(origin))?.size ?? 0 }
  }

  /** The checkpoint of a log that was cosigned last, as a signed note. */
  async newest(origin: string): Promise<string | undefined> {
    return (await this.#options.state.read(origin))?.note
  }

  /** Names of the logs. */
  get origins(): readonly string[] {
    return [...new Set(this.#options.logs.map(({ name }) => name))]
  }

  async #cosign(note: SignedNote): Promise<NoteSignature> {
    const { now, signer } = this.#options
    const time = Math.floor(now().getTime() / 1000)
    const signature = await signer.sign(cosignedMessage(time, Buffer.from(note.text)))
    const { name, id } = this.key
    return { name, id, signature: serializeCosignature({ time, signature }) }
  }

  /** Lines of the log's keys alone: the rest is not verified, and others would read it as if it were. */
  #ownAndLogs({ signatures }: SignedNote): readonly NoteSignature[] {
    const { logs } = this.#options
    return signatures.filter(({ name, id }) =>
      logs.some((log) => log.name === name && Buffer.from(log.id).equals(id)),
    )
  }
}

interface WitnessRequest extends Pick<AddCheckpoint, 'oldSize' | 'proof'> {
  readonly note: SignedNote
  readonly checkpoint: Checkpoint
}

function readRequest(body: Uint8Array): WitnessRequest {
  const { note: bytes, ...head } = parseAddCheckpoint(body)
  const note = parseSignedNote(bytes)
  const checkpoint = readWitnessable(note.text)
  if (checkpoint.root.length === HASH_BYTES) return { ...head, note, checkpoint }
  throw new CountersignError('ERR_NOTE_INVALID', 'the root of the checkpoint is not of SHA-256')
}

function assertContinues(
  last: Pick<WitnessedTree, 'size' | 'root'>,
  { checkpoint, proof }: WitnessRequest,
): void {
  verifyConsistency({ from: last, to: checkpoint, proof })
}

/** What the input is to blame for becomes an answer. */
function attempt<T extends object>(
  status: 400 | 403 | 422,
  work: () => T,
): T | { readonly status: typeof status; readonly reason: string } {
  try {
    return work()
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    return { status, reason: error.message }
  }
}

function notALog(name: string): CountersignError {
  const message = `the key of "${name.slice(0, 200)}" is not that of a log, or it is the witness's own`
  return new CountersignError('ERR_NOTE_INVALID', message, {
    hint: 'name each log by the verifier key that its owner publishes',
  })
}
