/**
 * The command line as its users start it: a process of its own. Tests, the quickstart and the interop suite
 * start it through this module alone, so that one variable decides which one they start. Knows nothing of
 * vitest.
 *
 * ```sh
 * COUNTERSIGN_TEST_CLI=/path/to/node_modules/countersign/dist/cli/main.js npx vitest run test/cli
 * ```
 *
 * @packageDocumentation
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { CliResult } from './cli.ts'
import { PROJECT } from './project.ts'

/** The file that Node runs as `countersign`: from the sources, unless COUNTERSIGN_TEST_CLI names another. */
export const CLI: string = process.env['COUNTERSIGN_TEST_CLI'] ?? join(PROJECT, 'cli/bin.ts')

/** Where Node keeps what it compiled, by content; a third of a start is compiling. */
export const COMPILE_CACHE: string = join(PROJECT, 'node_modules/.cache/node')

/** Where a run happens. */
export interface RunPlace {
  /** Default: the folder of the project. */
  readonly folder?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `countersign ARGS` to its end, however it ends. */
export async function runCli(
  args: readonly string[],
  { folder = PROJECT, env = {} }: RunPlace = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await ended
  return { exitCode: child.exitCode ?? -1, stdout, stderr }
}

/** Puts `countersign` into a new folder, for a shell that has the folder on its PATH. */
export function putCommandInto(folder: string): void {
  mkdirSync(folder)
  const script = `#!/bin/sh\nNODE_COMPILE_CACHE='${COMPILE_CACHE}' exec '${process.execPath}' '${CLI}' "$@"\n`
  writeFileSync(join(folder, 'countersign'), script, { mode: 0o755 })
}
