/** Calls back once after a time; returns how to stop it. Tests hand in one that they move themselves. */
export type StartTimer = (run: () => void, milliseconds: number) => () => void

/** Node's timers. */
export const startTimer: StartTimer = (run, milliseconds) => {
  const timer = setTimeout(run, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}

/** Node's timers, for what need not keep the process running. */
export const startBackgroundTimer: StartTimer = (run, milliseconds) => {
  const timer = setTimeout(run, milliseconds)
  timer.unref()
  return () => {
    clearTimeout(timer)
  }
}
