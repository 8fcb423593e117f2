/** Suggests what an unknown name probably meant. */

/** The known name that is closest, where one is close enough to be meant: at most a third of its letters differ. */
export function suggestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, candidate.length / 3))
    .toSorted((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment), capitals apart. */
function editDistance(one: string, other: string): number {
  const a = one.slice(0, MAX_LENGTH).toLowerCase()
  const b = other.toLowerCase()
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(beforeLast, column - 2) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

/** A longer name is not a misspelling; comparing it would only cost time. */
const MAX_LENGTH = 64

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
