/** A key pair that signed before the service had it: what it signed verifies once it is imported. */
import { renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { type SigningService, startSigningService } from '../../support/signing-service.ts'

const TYPE = 'https://example.com/t'

/** Signs a file with a key of the user's own, and puts that key where the service has its keys. */
async function signedBefore({ env, folder }: SigningService): Promise<string> {
  folder.key('old')
  folder.write('app.txt', 'an app')
  folder.write('p.json', '{"a":1}')
  const line = `attest @app.txt --key @old.pem --type ${TYPE} --predicate @p.json`
  expect((await folder.run(line, { now: new Date() })).exitCode).toBe(0)
  const path = join(dirname(env['COUNTERSIGN_HOME'] ?? ''), 'keys', 'old')
  for (const end of ['.pem', '.pub']) renameSync(folder.path(`old${end}`), `${path}${end}`)
  return `file:${path}.pem`
}

function verify({ env, folder }: SigningService): ReturnType<SigningService['run']> {
  return folder.run(`verify @app.txt --type ${TYPE}`, { env, now: new Date() })
}

test('signatures of a key pair from before its import verify with the pinned service', async () => {
  const service = await startSigningService()
  const { env, fingerprint, folder, run, url } = service
  const uri = await signedBefore(service)
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, {
    env,
    now: new Date(),
  })
  expect((await verify(service)).exitCode).toBe(6)

  const imported = await run(`key import release ${uri} --reason merged`)

  expect(imported.exitCode).toBe(0)
  await folder.run('trust update', { env, now: new Date() })
  const waiting = await verify(service)
  expect(waiting.stderr).toMatch(/by release@3 \(ES256, pending\)/)
  expect(waiting.exitCode).toBe(0)
  const activated = await run('key activate release --key-version 3 --force --reason merged')
  expect(activated.exitCode).toBe(0)
  await folder.run('trust update', { env, now: new Date() })
  expect((await verify(service)).exitCode).toBe(0)
  const log = await folder.run(`log verify --server ${url}`, { env, now: new Date() })
  expect(log.exitCode).toBe(0)
})

test('signatures of a revoked imported version no longer count without a trusted time', async () => {
  const service = await startSigningService()
  const { env, fingerprint, folder, run, url } = service
  const uri = await signedBefore(service)
  await run(`key import release ${uri} --reason merged`)
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, {
    env,
    now: new Date(),
  })
  expect((await verify(service)).exitCode).toBe(0)

  const revoke = 'key revoke release --key-version 3 --mode seamless --confirm=release'
  expect((await run(`${revoke} --reason stolen`)).exitCode).toBe(0)

  await folder.run('trust update', { env, now: new Date() })
  expect((await verify(service)).exitCode).toBe(6)
})
