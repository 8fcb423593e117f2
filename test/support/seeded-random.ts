/** Numbers from 0 up to 1 that look random and are the same in every run (Park and Miller). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
