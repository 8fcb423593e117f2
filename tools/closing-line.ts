/** What the steps of a run came to. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped?: number
}

/** Writes the line every gate ends with, alone on its line, which .ci/run reads and adds up. */
export function closingLine({ passed, failed, skipped = 0 }: Counts): string {
  const line = `${passed} passed, ${failed} failed`
  return skipped === 0 ? line : `${line}, ${skipped} skipped`
}
