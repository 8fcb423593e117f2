import { expect, test } from 'vitest'
import { toClientConfig } from '../../../src/store/postgres/client-config.ts'
import { codeOf } from '../../support/errors.ts'

const SETTINGS = { password: undefined, timeoutMs: 1000, pollMs: 1000, maxConnections: 1 }

function urlOf(text: string): string {
  return toClientConfig(text, SETTINGS).connectionString ?? ''
}

test.each(['allow', 'prefer', 'require', 'verify-ca', 'verify-full'])(
  'sslmode=%s means an encrypted connection to a server whose name is checked',
  (mode) => {
    expect(urlOf(`postgres://user@host/db?sslmode=${mode}`)).toContain('sslmode=verify-full')
  },
)

test.each(['disable', 'no-verify'])('sslmode=%s is what it says', (mode) => {
  expect(urlOf(`postgres://user@host/db?sslmode=${mode}`)).toContain(`sslmode=${mode}`)
})

test.each([
  ['no URL', 'postgres://user:secret@host:port/db'],
  ['a file that is not there', 'postgres://user:secret@host/db?sslrootcert=/no/such/file'],
])('%s is refused without the password', (_, url) => {
  let message = ''
  const code = codeOf(() => {
    try {
      toClientConfig(url, SETTINGS)
    } catch (error) {
      message = String(error)
      throw error
    }
  })

  expect(code).toBe('ERR_CONFIG_INVALID')
  expect(message).not.toContain('secret')
})
