/** A transparency log that is not public, on the command line: read by callers who may, and by no others. */
import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CliResult } from '../../support/cli.ts'
import { type SigningService, startSigningService } from '../../support/signing-service.ts'
import { logKeysOf } from '../../support/witnessed-release.ts'

type Environment = Readonly<Record<string, string>>

const COMMANDS = ['show', 'verify', 'export', 'proof'] as const
type Command = (typeof COMMANDS)[number]

/** A service with an unlisted log, and a user with a signature of its key `release`. */
async function startScene(policies?: string): Promise<SigningService> {
  const service = await startSigningService({
    log: { public: false },
    ...(policies !== undefined && { policies }),
  })
  const { env, folder, run, url } = service
  folder.write('app', 'an app\n')
  expect(await run('sign @app --key release')).toMatchObject({ exitCode: 0 })
  const pin = `trust init ${url} --fingerprint ${await service.fingerprint()}`
  expect(await folder.run(pin, { env, now: new Date() })).toMatchObject({ exitCode: 0 })
  return service
}

function read(service: SigningService, command: Command, env: Environment): Promise<CliResult> {
  const { folder, server, url } = service
  const [key] = logKeysOf(server)
  const lines: Readonly<Record<Command, string>> = {
    show: 'log show',
    verify: `log verify --key ${key?.vkey ?? ''}`,
    export: 'log export @saved',
    proof: 'log proof @app.sigstore.json',
  }
  // The checkpoint of a real service comes a moment after its answer, and the command waits for it.
  const pause = (milliseconds: number): Promise<void> => setTimeout(milliseconds)
  return folder.run(`${lines[command]} --server ${url}`, { env, now: new Date(), pause })
}

/** That a command was refused by a code, printed nothing of the log, and no token. */
async function assertRefused(
  service: SigningService,
  env: Environment,
  expected: { readonly code: string; readonly exitCode: number },
): Promise<void> {
  for (const command of COMMANDS) {
    const { exitCode, stderr, stdout } = await read(service, command, env)

    expect({ command, exitCode, stdout }).toEqual({
      command,
      exitCode: expected.exitCode,
      stdout: '',
    })
    expect(stderr).toContain(`[${expected.code}]`)
    expect(stderr).not.toContain(env['COUNTERSIGN_TOKEN'] ?? 'Bearer')
  }
  expect(existsSync(service.folder.path('saved/checkpoint'))).toBe(false)
}

test('a log that is not public is shown, verified, exported and proven with a token', async () => {
  const service = await startScene()

  for (const command of COMMANDS) {
    expect(await read(service, command, service.env), command).toMatchObject({ exitCode: 0 })
  }
  const [key] = logKeysOf(service.server)
  const saved = await service.folder.run(`log verify @saved --key ${key?.vkey ?? ''}`)
  expect(saved).toMatchObject({ exitCode: 0 })
})

test('without a token, or with one that the service does not know, nothing of it is read', async () => {
  const service = await startScene()
  const without = { COUNTERSIGN_HOME: service.env['COUNTERSIGN_HOME'] ?? '' }
  const refusal = { code: 'ERR_NOT_AUTHENTICATED', exitCode: 8 }

  await assertRefused(service, without, refusal)
  await assertRefused(service, { ...without, COUNTERSIGN_TOKEN: 'f'.repeat(64) }, refusal)
})

test('a caller without readLog reads nothing of it', async () => {
  const service = await startScene(
    'permit (principal, action, resource) unless { action == Action::"readLog" };\n',
  )

  await assertRefused(service, service.env, { code: 'ERR_NOT_ALLOWED', exitCode: 8 })
})
