/** Enough to hold the claim in every run; what COUNTERSIGN_TEST_KILLS asks for instead finds what is rare. */
const USUAL_KILLS = 20

/** How often a service is killed for each kind of store in the tests of crashes. */
export function killsPerStore(env: Readonly<NodeJS.ProcessEnv>): number {
  return Number(env['COUNTERSIGN_TEST_KILLS'] ?? USUAL_KILLS)
}
