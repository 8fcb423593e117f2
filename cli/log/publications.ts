/** What a service publishes of its keys, held against its log once that is verified. */
import { readEnvelope } from '../../src/formats/dsse.ts'
import { type KeySet, parseJwks } from '../../src/formats/jwks.ts'
import { parseJson } from '../../src/formats/json.ts'
import { type KeyHistory, parseKeyHistory } from '../../src/keys/key-history.ts'
import type { StateFacts } from '../../src/log/entry.ts'
import type { LogServer } from '../../src/log/http-source.ts'
import {
  assertLoggedHistory,
  assertLoggedKeySet,
  LoggedStates,
} from '../../src/log/published-check.ts'
import type { ReadOptions } from '../../src/log/source.ts'
import { LeafReader } from '../../src/log/read-leaf.ts'
import { leavesFrom } from './entries.ts'

const MAX_HISTORY_BYTES = 8 * 1024 * 1024
const MAX_SET_BYTES = 512 * 1024

/** How the publications compare with the log. */
export interface PublicationReport {
  /** Key versions in the key history, and keys in the key set. */
  readonly historyVersions: number
  readonly keySetKeys: number
  /** State changes they show that are newer than the checkpoint, so not proven yet. */
  readonly unproven: number
}

/** Publications of a service, read before its log, so that the log records all that is in them. */
export class LoggedPublications {
  readonly #server: LogServer
  readonly #history: KeyHistory | undefined
  readonly #keySet: KeySet | undefined
  readonly #states = new LoggedStates()

  private constructor(server: LogServer, history?: KeyHistory, keySet?: KeySet) {
    this.#server = server
    this.#history = history
    this.#keySet = keySet
  }

  /**
   * Reads what is published; undefined where that is nothing, as with a copy of a log.
   *
   * @throws CountersignError ERR_TRUST_INVALID, ERR_JSON_INVALID — it is malformed; and those of reading
   */
  static async read(
    server: LogServer,
    options: ReadOptions,
  ): Promise<LoggedPublications | undefined> {
    const envelope = await server.get('../trust/keys.json', MAX_HISTORY_BYTES, options)
    const set = await server.get('../.well-known/jwks.json', MAX_SET_BYTES, options)
    if (envelope === undefined && set === undefined) return undefined
    const history = envelope && parseKeyHistory(readEnvelope(parseJson(envelope)).payload)
    return new LoggedPublications(server, history, set && parseJwks(set))
  }

  /** Takes the next change of a key version. */
  add(index: number, state: StateFacts): void {
    this.#states.add(index, state)
  }

  /**
   * Compares, when all changes up to the checkpoint are added.
   *
   * @throws CountersignError ERR_LOG_PROOF_INVALID — something published does not follow from the log; names
   * the first kid; and those of reading
   */
  async compare(size: number, options: ReadOptions): Promise<PublicationReport> {
    const history = this.#history
    const keySet = this.#keySet
    const later = await this.#readLater(size, options)
    for (const { index, state } of later) this.add(index, state)
    if (history !== undefined) assertLoggedHistory(this.#states, history)
    if (keySet !== undefined) assertLoggedKeySet(this.#states, keySet)
    return {
      historyVersions: history?.versions.length ?? 0,
      keySetKeys: keySet?.keys.length ?? 0,
      unproven: later.length,
    }
  }

  /** Checkpoints come after commits: what is newer stands in the log, under no signature yet. */
  async #readLater(size: number, options: ReadOptions): Promise<readonly LaterState[]> {
    const newest = Math.max(this.#history?.sequence ?? 0, this.#keySet?.sequence ?? 0)
    const later: LaterState[] = []
    if (newest <= this.#states.sequence) return later
    const reader = new LeafReader()
    for await (const { index, data } of leavesFrom(this.#server, size, options)) {
      const leaf = reader.read(data)
      if (leaf.kind === 'state') later.push({ index, state: leaf.state })
    }
    return later
  }
}

interface LaterState {
  readonly index: number
  readonly state: StateFacts
}
