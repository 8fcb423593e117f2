import { expect, test } from 'vitest'
import { openPkcs11 } from '../../../src/providers/pkcs11/provider.ts'
import { readSettings } from '../../../src/providers/pkcs11/settings.ts'

test('settings that are absent or empty leave the defaults', () => {
  expect(readSettings({ COUNTERSIGN_PKCS11_TIMEOUT: '' })).toEqual({
    maxSessions: undefined,
    answerTimeout: undefined,
  })
})

test('the timeout is in seconds', () => {
  const env = { COUNTERSIGN_PKCS11_TIMEOUT: '12', COUNTERSIGN_PKCS11_SESSIONS: '32' }

  expect(readSettings(env)).toEqual({ maxSessions: 32, answerTimeout: 12_000 })
})

test.each(['0', '-1', '1.5', 'four', '601', '1e2', ' 4', '٤'])(
  'a timeout of "%s" is refused',
  (text) => {
    const env = { COUNTERSIGN_PKCS11_TIMEOUT: text }

    expect(() => openPkcs11({ env, readSecret: () => Promise.resolve(undefined) })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }) as Error,
    )
  },
)
