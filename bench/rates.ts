/** Does as many operations as it is asked to, and ends when all are done. */
export type Contestant = (operations: number) => Promise<void>

/** How long a comparison takes: rounds times contestants times the turn. */
export interface Pace {
  readonly rounds: number
  readonly turnMs: number
}

/** Operations per second of one contestant, round by round. */
export type Rates = readonly number[]

/**
 * Lets contestants do the same work in turns, in an order that changes every round: whatever slows the
 * machine down for a while slows all of them.
 */
export async function compareRates<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  { rounds, turnMs }: Pace,
): Promise<Readonly<Record<Name, Rates>>> {
  const names = Object.keys(contestants) as Name[]
  const sizes = new Map<Name, number>()
  for (const name of names) sizes.set(name, await sizeTurn(contestants[name], turnMs))
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const size = sizes.get(name) ?? 1
      rates[name].push(size / ((await elapsedMs(contestants[name], size)) / 1000))
    }
  }
  return rates
}

/** Finds how many operations fill a turn, which warms the contestant up on the way. */
async function sizeTurn(contestant: Contestant, turnMs: number): Promise<number> {
  for (let size = 1; ; size *= 2) {
    const elapsed = await elapsedMs(contestant, size)
    if (elapsed >= turnMs / 2) return Math.max(1, Math.round((size * turnMs) / elapsed))
  }
}

async function elapsedMs(contestant: Contestant, operations: number): Promise<number> {
  const start = performance.now()
  await contestant(operations)
  return performance.now() - start
}

/** Repeats an operation with so many of them under way at once. */
export function inFlight(width: number, operation: () => Promise<unknown>): Contestant {
  return async (operations) => {
    let left = operations
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await operation()
      }
    }
    await Promise.all(Array.from({ length: Math.min(width, operations) }, worker))
  }
}

/** Repeats an operation that answers at once. */
export function inTurn(operation: () => void): Contestant {
  return (operations) => {
    for (let done = 0; done < operations; done += 1) operation()
    return Promise.resolve()
  }
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** The middle of the ratios of each round, which a slow moment does not touch as it would two medians. */
export function medianRatio(rates: Rates, base: Rates): number {
  return median(rates.map((rate, round) => rate / (base[round] ?? Number.NaN)))
}
