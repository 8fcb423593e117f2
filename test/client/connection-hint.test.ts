import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { exchange } from '../../src/client/exchange.ts'
import { connectionHint } from '../../src/client/connection-hint.ts'
import { startTlsServer } from '../support/tls-server.ts'

const unknown = {
  code: 'ERR_NETWORK',
  hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
}

test('a certificate of an unknown authority says how the authority is named', async () => {
  const { url } = await startTlsServer((_request, response) => response.end())
  const asked = { url, method: 'GET', headers: {}, maxBytes: 10, timeoutMs: 5000 } as const

  await expect(createBoundedGet({ allowPrivateAddresses: true })({ url })).rejects.toMatchObject(
    unknown,
  )
  await expect(
    exchange(asked, { fetch, deadline: (ms) => AbortSignal.timeout(ms) }),
  ).rejects.toMatchObject(unknown)
})

test('a certificate of another name or time is not blamed on the authority', () => {
  expect(connectionHint('ERR_TLS_CERT_ALTNAME_INVALID')).toContain(
    'certificate is for another name',
  )
  expect(connectionHint('ECONNREFUSED')).toContain('check the name')
})
