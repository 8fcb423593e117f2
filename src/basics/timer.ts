/** Calls back once after a time; returns how to stop it. Tests hand in one that they move themselves. */
export type StartTimer = (run: () => void, milliseconds: number) => () => void

/** Node's timers. */
export const startTimer: StartTimer = (run, milliseconds) => {
  const timer = setTimeout(run, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}
