/** The service as its users run it: a configuration in a folder, a socket, and a way to stop it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/load.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../src/service/server.ts'
import { createTempFolder } from './temp-folder.ts'

/** Token of the caller that {@link serverFolder} configures. */
export const TOKEN: string = 'f'.repeat(64)

/** Where a service has its configuration, keys and database. */
export interface ServerFolder {
  readonly folder: string
  readonly config: string
  /** Environment that the configuration refers to. */
  readonly env: Readonly<Record<string, string>>
}

/** Writes the configuration of a service with one key for artifacts; `more` is put behind it. */
export function serverFolder(more = ''): ServerFolder {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'policies'))
  writeFileSync(join(folder, 'policies', 'all.cedar'), 'permit (principal, action, resource);\n')
  const config = join(folder, 'countersign.yaml')
  writeFileSync(
    config,
    `issuer: https://sign.example.com
store: sqlite:service.db
keys:
  release: { use: artifact, provider: file:keys/ }
access:
  policies: policies/
  staticTokens: [{ name: tester, token: env:TEST_TOKEN }]
serve: { listen: "127.0.0.1:0" }
${more}`,
  )
  return { folder, config, env: { TEST_TOKEN: TOKEN } }
}

/** A running service and the lines of its log. */
export interface TestServer extends RunningServer {
  readonly lines: readonly string[]
}

/** Starts the service of a folder; it is stopped at the latest when the running test ends. */
export async function runServer(
  { config: file, env }: ServerFolder,
  options: Pick<
    ServerOptions,
    'migrate' | 'newLog' | 'clock' | 'resetClock' | 'acceptKeyRules' | 'acceptStoreBehind'
  > = {},
): Promise<TestServer> {
  const lines: string[] = []
  const server = await startServer({
    ...options,
    config: await readConfig({ file, env }),
    env,
    fetch,
    output: { write: (line) => lines.push(line) },
    signal: new AbortController().signal,
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { ...server, lines }
}
