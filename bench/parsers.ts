/** Every parser at its limit, on the worst inputs that the tests know. */
import { PARSERS } from '../test/support/parsers.ts'
import type { ParserAtLimit } from '../test/support/parsers/limits.ts'
import { createGoal, type Section } from './report.ts'

const GOAL_MS = 200

/** Measures each parser; a row has its slowest input. */
export async function measureParsers(rounds: number): Promise<Section> {
  const rows = []
  for (const parser of PARSERS) {
    const { shape, ms } = await slowest(parser, rounds)
    rows.push({
      parser: parser.name,
      'KiB at most': parser.limit / 1024,
      'slowest input': shape,
      ms,
    })
  }
  rows.sort((a, b) => b.ms - a.ms)
  const goals = rows
    .slice(0, 1)
    .map(({ parser, ms }) => createGoal(`Slowest parser (${parser}), ms`, ms, { atMost: GOAL_MS }))
  return { name: 'parsers', title: 'Parsers at their limits', rows, goals }
}

async function slowest(
  { shapes, limit, parse }: ParserAtLimit,
  rounds: number,
): Promise<{ readonly shape: string; readonly ms: number }> {
  let found = { shape: '', ms: 0 }
  for (const [shape, make] of Object.entries(shapes)) {
    const input = make(limit)
    const ms = await leastMs(() => parse(input), rounds)
    if (ms > found.ms) found = { shape, ms }
  }
  return found
}

/** The least of several runs: what is above it is other work of the machine. */
async function leastMs(work: () => unknown, rounds: number): Promise<number> {
  let least = Infinity
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now()
    try {
      await work()
    } catch {
      // A refusal takes its time too.
    }
    least = Math.min(least, performance.now() - start)
  }
  return least
}
