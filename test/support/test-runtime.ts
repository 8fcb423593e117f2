/**
 * The registry client's surroundings in a test: real sockets, a clock that stands still, chance from a
 * seed, and pauses that are counted instead of slept.
 *
 * @packageDocumentation
 */
import type { Runtime } from '../../src/basics/runtime.ts'
import { seededRandom } from './seeded-random.ts'

/** A Runtime under the test's control. */
export interface TestRuntime extends Runtime {
  /** Milliseconds of every pause so far, in order. */
  readonly pauses: number[]
  /** The clock; move it by writing. */
  time: number
  /** Lets every deadline set so far pass. */
  readonly expire: () => void
}

/** Makes a runtime whose pauses end at once. */
export function createTestRuntime(overrides: Partial<Runtime> = {}): TestRuntime {
  const deadlines: AbortController[] = []
  const runtime: TestRuntime = {
    fetch: globalThis.fetch,
    now: () => runtime.time,
    random: seededRandom(1),
    pause: (milliseconds) => {
      runtime.pauses.push(milliseconds)
      return Promise.resolve()
    },
    deadline: () => {
      const controller = new AbortController()
      deadlines.push(controller)
      return controller.signal
    },
    ...overrides,
    pauses: [],
    time: Date.UTC(2026, 10, 22),
    expire: () => {
      for (const controller of deadlines) controller.abort()
    },
  }
  return runtime
}
