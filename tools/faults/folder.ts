import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder of its own for a measurement, which removes it. */
export function createTempFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-faults-'))
}
