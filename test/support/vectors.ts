/**
 * Test vectors that others wrote. They lie beside the project, in `../shared/vectors`, and are never
 * copied into it; where they are absent a test skips with a note that names the missing folder.
 *
 * @packageDocumentation
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, test, type TestContext } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../../../shared/vectors')

/** Resolves a path below the vectors' folder (`dsse/cases.json`) to an absolute one. */
export function vectorPath(path: string): string {
  return resolve(ROOT, path)
}

/** Tells whether a folder of vectors (`dsse`) is on this machine. */
export function vectorsAvailable(folder: string): boolean {
  return existsSync(vectorPath(folder))
}

/** Reads a vector file as bytes. */
export function readVector(path: string): Uint8Array {
  return readFileSync(vectorPath(path))
}

/** Reads a vector file as JSON; its shape is the caller's claim. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- names the shape at the call, as a cast would
export function readVectorJson<T>(path: string): T {
  return JSON.parse(readFileSync(vectorPath(path), 'utf8')) as T
}

/** Skips the running test, saying which folder of vectors is missing, unless it is there. */
export function requireVectors(context: TestContext, folder: string): void {
  context.skip(!vectorsAvailable(folder), absence(folder))
}

/**
 * Groups the tests of one folder of vectors. The body, which may read vectors to make one test from
 * each, runs only where the folder is there; elsewhere one skipped test stands for the group.
 */
export function describeVectors(folder: string, body: () => void): void {
  const title = `vectors of ${folder}`
  if (vectorsAvailable(folder)) describe(title, body)
  else test(title, (context) => context.skip(absence(folder)))
}

function absence(folder: string): string {
  return `no test vectors at ../shared/vectors/${folder}`
}
