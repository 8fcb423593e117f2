/** Keys in a real OpenBao, as people use them: with the command line, and through a service. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findTrustKey, fingerprintOf } from '../../../src/client/trust-pin.ts'
import { countersign, documentOf } from '../../support/cli.ts'
import { freePort } from '../../support/free-port.ts'
import { describeOpenBao, type OpenBaoServer, startTransit } from '../../support/openbao.ts'
import { runServer } from '../../support/server.ts'
import { writeServiceFolder } from '../../support/service-folder.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

interface KeyDocument {
  readonly key: { readonly reference: string; readonly kid: string }
}

describeOpenBao('keys in OpenBao', () => {
  let server: OpenBaoServer

  beforeAll(async () => {
    server = await startTransit()
  })

  afterAll(() => server[Symbol.asyncDispose]())

  test('key create pins the first version, and names a key that exists', async () => {
    const world = { env: server.env }
    const made = await countersign(['key', 'create', 'openbao://made', '--json'], world)
    const again = await countersign(['key', 'create', 'hashivault://made', '--json'], world)
    const shown = await countersign(['key', 'show', 'hashivault://made', '--json'], world)

    expect(documentOf<KeyDocument>(made).key.reference).toBe('openbao://made?version=1')
    expect(documentOf(again)).toMatchObject({ error: { code: 'ERR_KEY_EXISTS' } })
    expect(documentOf<KeyDocument>(shown).key.kid).toBe(documentOf<KeyDocument>(made).key.kid)
  })

  test.each(['openbao://release', 'hashivault://release?version=1'])(
    'a file that %s signed verifies with the exported key and with the reference',
    async (reference) => {
      await server.ask('POST', 'transit/keys/release', { type: 'ecdsa-p256' })
      const folder = createSigningFolder()
      folder.write('app', 'an artifact')
      const world = { env: server.env }

      const signed = await folder.run(`sign @app --key ${reference}`, world)
      const exported = await folder.run(`key export ${reference}`, world)
      folder.write('key.pub', exported.stdout)

      expect(signed).toMatchObject({ exitCode: 0 })
      for (const key of ['@key.pub', reference]) {
        expect(await folder.run(`verify @app --key ${key}`, world)).toMatchObject({ exitCode: 0 })
      }
      folder.write('app', 'another artifact')
      expect((await folder.run('verify @app --key @key.pub')).exitCode).not.toBe(0)
    },
  )

  test('--offline refuses a key that only the server could give', async () => {
    const args = ['key', 'show', 'openbao://made', '--offline', '--json']

    const refused = await countersign(args, { env: server.env })

    expect(documentOf(refused)).toMatchObject({ error: { code: 'ERR_USAGE' } })
  })

  test('a service makes its keys in the engine, signs with them, and a client verifies', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const service = writeServiceFolder({
      folder: createTempFolder(),
      issuer: url,
      keys: { release: { use: 'artifact', provider: 'openbao://' } },
      serve: { listen: new URL(url).host },
    })
    await runServer({ ...service, env: { ...service.env, ...server.env } })
    const folder = createSigningFolder()
    folder.write('app', 'an artifact')
    const env = {
      COUNTERSIGN_TOKEN: service.env['COUNTERSIGN_TEST_TOKEN'] ?? '',
      COUNTERSIGN_HOME: folder.path('home'),
    }
    const world = { env, now: new Date() }

    const signed = await folder.run(`sign @app --key release --server ${url}`, world)
    const history = await (await fetch(`${url}/trust/keys.json`)).arrayBuffer()
    const fingerprint = fingerprintOf(findTrustKey(new Uint8Array(history)))
    await folder.run(`trust init ${url} --fingerprint ${fingerprint}`, world)
    const verified = await folder.run('verify @app', world)

    expect(signed).toMatchObject({ exitCode: 0 })
    expect(verified).toMatchObject({ exitCode: 0 })
    const { data } = await server.ask('LIST', 'transit/keys')
    expect(data?.['keys']).toContainEqual(
      expect.stringMatching(/^countersign-release-1-[0-9a-f]{32}$/),
    )
  })
})
