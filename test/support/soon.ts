/** How long a test waits for what the code under test is about to do: an end to a hung test, not a measure. */
export const SOON = { timeout: 25_000 }
