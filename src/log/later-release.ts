/** What a log has of later releases: it is counted, since nothing that is verified rests on it. */

/** What was skipped. */
export interface SkippedReport {
  /** Entries of a type, or with a value, that this release does not know: what they say is not checked. */
  readonly entries: number
  /** Members that this release does not know, in entries that it does. */
  readonly members: number
  /** The first few, by index. */
  readonly first: readonly string[]
}

const MAX_NAMED = 5
const MAX_CHARACTERS = 200

/** Counts what is skipped. */
export class SkippedCount {
  #entries = 0
  #members = 0
  readonly #first: string[] = []

  /** Takes an entry that is not understood. */
  addEntry(index: number, why: string): void {
    this.#entries += 1
    this.#name(`entry ${index}: ${why}`)
  }

  /** Takes the members of an entry that are not known. */
  addMembers(index: number, names: readonly string[]): void {
    if (names.length === 0) return
    this.#members += names.length
    this.#name(`entry ${index}: ${names.join(', ')}`)
  }

  /** What was skipped so far; undefined where that is nothing. */
  report(): SkippedReport | undefined {
    const [entries, members] = [this.#entries, this.#members]
    return entries + members === 0 ? undefined : { entries, members, first: this.#first }
  }

  #name(what: string): void {
    if (this.#first.length < MAX_NAMED) this.#first.push(what.slice(0, MAX_CHARACTERS))
  }
}
