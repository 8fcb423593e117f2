import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createSoftHsm } from '../support/softhsm.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const hsm = createSoftHsm(['service'])
const [token] = hsm.tokens
afterAll(() => {
  hsm.remove()
})

test('each key is opened with its own secret: a PIN, a passphrase of a folder, or none', async () => {
  const folder = createTempFolder()
  const provider = `pkcs11:token=${token.label}?module-path=${hsm.modulePath}`
  const place = writeServiceFolder({
    folder,
    keys: {
      release: { use: 'artifact', provider },
      nightly: {
        use: 'artifact',
        provider: `file:${folder}/locked/`,
        passphrase: 'env:NIGHTLY_PASSPHRASE',
      },
      sessions: { use: 'token', provider: `file:${folder}/open/` },
    },
  })
  const env = {
    ...place.env,
    COUNTERSIGN_PKCS11_PIN: token.pin,
    SOFTHSM2_CONF: hsm.configPath,
    NIGHTLY_PASSPHRASE: 'correct horse',
  }
  const { address } = await runServer({ ...place, env }, { migrate: true })

  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: place.authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: `sha256:${'ab'.repeat(32)}`, kind: 'file' }] }),
  })

  expect(answer.status).toBe(200)
  const firstLine = (path: string): string =>
    readFileSync(join(folder, path), 'utf8').split('\n')[0] ?? ''
  expect(firstLine('locked/nightly-1.pem')).toBe('-----BEGIN ENCRYPTED PRIVATE KEY-----')
  expect(firstLine('open/sessions-1.pem')).toBe('-----BEGIN PRIVATE KEY-----')
})
