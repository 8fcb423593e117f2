/**
 * How the cost of work grows with its input, for work that has nothing to count. CPU time of this process
 * is compared with itself, so other programs on the machine change nothing, and the cheapest of several
 * runs is taken.
 *
 * @packageDocumentation
 */

const RUNS = 5
/** Below that, what is measured is the measuring. */
const NOISE_MS = 30

function cheapest(work: () => unknown): number {
  const costs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...costs)
}

/**
 * By what factor the work costs more for an input four times as long: 4 where it is linear, 16 where it is
 * quadratic; 0 where both are too cheap to compare.
 *
 * @param prepare - makes an input of a length, which is not measured, and answers the work on it
 */
export function growthOf(prepare: (length: number) => () => unknown, length: number): number {
  const [quarter, whole] = [prepare(Math.floor(length / 4)), prepare(length)]
  const cost = cheapest(whole)
  return cost < NOISE_MS ? 0 : cost / Math.max(cheapest(quarter), 1)
}

/** More than linear work ever grows by, and less than quadratic work does. */
export const LINEAR = 10
