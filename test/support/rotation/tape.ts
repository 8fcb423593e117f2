/** A history as numbers: what fast-check makes, and shrinks well. */

/** Reads choices off a list of numbers; past its end every choice is the first. */
export class Tape {
  readonly #numbers: readonly number[]
  #position = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** A choice among `count`, from 0. */
  next(count: number): number {
    return (this.#numbers[this.#position++] ?? 0) % count
  }

  /** One of a list. */
  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.next(list.length)] ?? list[0]
  }

  /** Whether all is read. */
  get isOver(): boolean {
    return this.#position >= this.#numbers.length
  }
}
