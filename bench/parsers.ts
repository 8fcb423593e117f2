/** Every parser at its limit, on the worst inputs that the tests know. */
import { PARSERS } from '../test/support/parsers.ts'
import type { ParserAtLimit } from '../test/support/parsers/limits.ts'
import { createGoal, type Section } from './report.ts'

const GOAL_MS = 200
const WARM_UP_BYTES = 4096

/** Measures the CPU time of each parser; a row has its slowest input. */
export async function measureParsers(rounds: number): Promise<Section> {
  const found = []
  for (const parser of PARSERS) found.push({ parser, ...(await slowest(parser, rounds)) })
  found.sort((a, b) => b.ms - a.ms)
  const rows = found.map(({ parser: { name, limit }, shape, ms }) => ({
    parser: name,
    'KiB at most': limit / 1024,
    'slowest input': shape,
    'CPU ms': ms,
  }))
  const goals = found
    .slice(0, 1)
    .map(({ parser: { name }, ms }) =>
      createGoal(`Slowest parser (${name}), CPU ms`, ms, { atMost: GOAL_MS }),
    )
  return { name: 'parsers', title: 'Parsers at their limits', rows, goals }
}

async function slowest(
  { shapes, limit, parse }: ParserAtLimit,
  rounds: number,
): Promise<{ readonly shape: string; readonly ms: number }> {
  let found = { shape: '', ms: 0 }
  for (const [shape, make] of Object.entries(shapes)) {
    const small = make(WARM_UP_BYTES)
    // What is loaded at the first call is not a part of parsing.
    await leastMs(() => parse(small), 3)
    const input = make(limit)
    const ms = await leastMs(() => parse(input), rounds)
    if (ms > found.ms) found = { shape, ms }
  }
  return found
}

/** The least of several runs: what is above it is other work of this process. */
async function leastMs(work: () => unknown, rounds: number): Promise<number> {
  let least = Infinity
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage()
    try {
      await work()
    } catch {
      // A refusal takes its time too.
    }
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}
