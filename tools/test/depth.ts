/**
 * How long tests run that repeat something until a rare case shows. `npm test` checks the claim; CI, or
 * COUNTERSIGN_TEST_DEPTH=full, runs longer.
 *
 * @packageDocumentation
 */
type Env = Readonly<NodeJS.ProcessEnv>

/** Whether tests look as long as they can. */
export function isDeep(env: Env): boolean {
  const { CI: ci, COUNTERSIGN_TEST_DEPTH: depth } = env
  return depth === undefined ? ci !== undefined && ci !== '' && ci !== 'false' : depth === 'full'
}

/** One of two amounts, by how long tests look. */
export function byDepth(env: Env, usual: number, deep: number): number {
  return isDeep(env) ? deep : usual
}

/** How often a service is killed for each kind of store in the tests of crashes. */
export function killsPerStore(env: Env): number {
  return Number(env['COUNTERSIGN_TEST_KILLS'] ?? byDepth(env, 4, 20))
}
