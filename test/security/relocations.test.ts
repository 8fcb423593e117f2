/** One administrator tries to move a key version to where they can get at it: another key pair, another location. */
import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startOidcIssuer } from '../support/oidc-issuer.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

interface Scene {
  readonly keyFile: (name: string) => string
  readonly post: (path: string, body: object, as?: string) => Promise<Reply>
  /** Asks for a move of version 1; answers the code of the refusal. */
  readonly move: (uri: string) => Promise<unknown>
}

/** A service in which a move needs two, with two copies of the key pair of version 1 beside it. */
async function start(): Promise<Scene> {
  const issuer = await startOidcIssuer()
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
    access: {
      issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }],
      approvals: { required: 2, actions: ['relocateKey'] },
    },
  })
  const { address } = await runServer(folder)
  const keyFile = (name: string): string => join(folder.folder, 'keys', `${name}.pem`)
  const post: Scene['post'] = async (path, body, as = 'mallory') => {
    const authorization = `Bearer ${await issuer.mint({ sub: as })}`
    const headers = { authorization, 'content-type': 'application/json' }
    const sent = { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await fetch(`${address}${path}`, sent)
    return { status: answer.status, body: (await answer.json()) as Reply['body'] }
  }
  for (const name of ['one', 'two']) copyFileSync(keyFile('release-1'), keyFile(name))
  return {
    keyFile,
    post,
    move: async (uri) => {
      const { body } = await post('/v1/keys/release/relocate', { version: 1, uri })
      return body['code']
    },
  }
}

test('a version never moves to another key pair, nor out of the provider of its key', async () => {
  const { keyFile, move } = await start()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(keyFile('other'), pem, { mode: 0o600 })

  expect(await move(`file:${keyFile('other')}`)).toBe('ERR_TRANSITION_REFUSED')
  expect(await move('file:/etc/ssl/private/key.pem')).toBe('ERR_KEY_URI_INVALID')
  expect(await move('pkcs11:object=x?module-path=/tmp/x.so')).toBe('ERR_KEY_URI_INVALID')
  expect(await move('awskms://kms.attacker.example/alias/x')).toBe('ERR_KEY_URI_INVALID')
})

test('a move needs its second person, whose approval covers one location', async () => {
  const { keyFile, move, post } = await start()
  const uri = `file:${keyFile('one')}`
  const asked = await post('/v1/keys/release/relocate', { version: 1, uri })
  const approval = asked.body['approval'] as Readonly<Record<string, string>>
  const { approvalId = '', requestSha256 } = approval
  const approved = await post(`/v1/approvals/${approvalId}`, { requestSha256 }, 'alice')
  expect(approved.status).toBe(200)

  expect(await move(`file:${keyFile('two')}`)).toBe('ERR_APPROVAL_REQUIRED')
  const moved = await post('/v1/keys/release/relocate', { version: 1, uri })

  expect(moved.status).toBe(200)
  expect(moved.body['changed']).toMatchObject([{ version: 1, state: 'active', uri }])
})
