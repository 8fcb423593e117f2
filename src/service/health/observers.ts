import type { SigningObserver } from '../../rotation/open-signers.ts'

/** An observer that hands every call to all that there are. */
export function allObservers(...given: readonly (SigningObserver | undefined)[]): SigningObserver {
  const observers = given.filter((one) => one !== undefined)
  return {
    begin: (version) => {
      const ends = observers.map((one) => one.begin(version))
      return (end) => {
        for (const ended of ends) ended(end)
      }
    },
  }
}
