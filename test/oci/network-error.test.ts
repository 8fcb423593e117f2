import { expect, test } from 'vitest'
import { isPassing, networkError } from '../../src/oci/network-error.ts'

const failed = (code: string): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error('below'), { code }) })

test.each([
  ['ECONNREFUSED', true, 'check the network'],
  ['ECONNRESET', true, 'check the network'],
  ['UND_ERR_SOCKET', true, 'check the network'],
  ['EAI_AGAIN', true, 'the name of the registry'],
  ['ENOTFOUND', false, 'the name of the registry'],
  ['SELF_SIGNED_CERT_IN_CHAIN', false, 'trust the certificate authority'],
  ['CERT_HAS_EXPIRED', false, 'or the clock here'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', false, 'fix the certificate'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', false, 'allow plain http'],
])('%s may pass by itself: %s', (code, passes, hint) => {
  expect(isPassing(failed(code))).toBe(passes)
  expect(networkError(new URL('https://ghcr.io/v2/'), failed(code))).toMatchObject({
    code: 'ERR_NETWORK',
    message: `no answer from ghcr.io: ${code}`,
    hint: expect.stringContaining(hint) as string,
    details: { host: 'ghcr.io', reason: code },
  })
})

test('a failure without a code is a connection that failed', () => {
  expect(networkError(new URL('https://ghcr.io/'), 'what')).toMatchObject({
    message: 'no answer from ghcr.io: the connection failed',
  })
})
