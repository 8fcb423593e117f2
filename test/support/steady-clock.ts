/** Clocks that are never wrong, for tests of something else. */
import { CheckedClock, type MachineClock } from '../../src/rotation/checked-clock.ts'

/** A machine whose wall clock is always right: it passes as its monotonic clock does. */
function steadyMachine(now: () => Date): MachineClock {
  return { now, monotonicMs: () => now().getTime() }
}

/** A clock of such a machine, whose times have nothing to do with those of the database's machine. */
export class SteadyClock extends CheckedClock {
  constructor(now: () => Date) {
    super({ machine: steadyMachine(now), keys: () => [] })
  }

  override checkMachine(): Promise<Date> {
    return super.checkMachine({ clock: () => Promise.resolve(undefined) })
  }
}
