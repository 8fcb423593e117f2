/**
 * Runs examples, each in its own copy of a prepared folder: `node run-process.ts FOLDER PROGRAM…`. Prints a line of
 * JSON for each: what it printed, and the error that ended it.
 *
 * @packageDocumentation
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'

/** How an example ended. */
export interface ExampleResult {
  readonly program: string
  readonly printed: readonly string[]
  readonly error: string | undefined
}

const [prepared = '', ...programs] = process.argv.slice(2)
for (const program of programs) process.stdout.write(`${JSON.stringify(await run(program))}\n`)

async function run(program: string): Promise<ExampleResult> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-example-'))
  cpSync(prepared, folder, { recursive: true })
  process.chdir(folder)
  const printed: string[] = []
  Reflect.set(console, 'log', (...values: unknown[]) => void printed.push(format(...values)))
  try {
    await import(pathToFileURL(program).href)
    return { program, printed, error: undefined }
  } catch (error) {
    return { program, printed, error: format(error) }
  } finally {
    process.chdir(tmpdir())
    rmSync(folder, { recursive: true })
  }
}
