/**
 * How the cost of work grows with its input, for work that has nothing to count. CPU time of this process
 * is compared with itself, so other programs on the machine change nothing, and the cheapest of several
 * runs is taken.
 *
 * @packageDocumentation
 */

const RUNS = 5
/** Below that, the overhead dominates. */
const NOISE_MS = 30

async function costOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  try {
    await work()
  } catch {
    // A refusal must be cheap too.
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function cheapest(work: () => unknown): Promise<number> {
  let best = Infinity
  for (let run = 0; run < RUNS && best >= 1; run += 1) best = Math.min(best, await costOf(work))
  return best
}

/**
 * By what factor the work costs more for an input four times as long: 4 where it is linear, 16 where it is
 * quadratic; 0 where it is too cheap to compare. Another thread of this process can only make a measurement
 * higher, so the lowest of a few counts.
 *
 * @param prepare - makes an input of a length, which is not measured, and answers the work on it
 */
export async function growthOf(
  prepare: (length: number) => () => unknown,
  length: number,
): Promise<number> {
  let lowest = Infinity
  for (let run = 0; run < RUNS && lowest >= LINEAR; run += 1) {
    lowest = Math.min(lowest, await measureGrowth(prepare, length))
  }
  return lowest
}

async function measureGrowth(
  prepare: (length: number) => () => unknown,
  length: number,
): Promise<number> {
  const whole = prepare(length)
  if ((await costOf(whole)) < NOISE_MS) return 0
  const cost = await cheapest(whole)
  return cost < NOISE_MS ? 0 : cost / Math.max(await cheapest(prepare(Math.floor(length / 4))), 1)
}

/** More than linear work ever grows by, and less than quadratic work does. */
export const LINEAR = 10
