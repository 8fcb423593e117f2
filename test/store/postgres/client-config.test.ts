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

test.each([
  'postgres://user@db.example.com/db',
  'postgres://user@10.0.0.7/db',
  'postgres://user@localhost.example.com/db',
  'postgres://user@127.0.0.1.example.com/db',
  'postgres://user@127.0.0.1/db?host=db.example.com',
  'postgres://user@db.example.com/db?ssl=0',
])('a connection to another machine is encrypted and checked by itself: %s', (url) => {
  expect(urlOf(url)).toContain('sslmode=verify-full')
})

test.each([
  'postgres://user@localhost/db',
  'postgres://user@127.0.0.1/db',
  'postgres://user@[::1]/db',
  'postgres://user@%2Fvar%2Frun%2Fpostgresql/db',
  'postgres://user@localhost/db?host=/var/run/postgresql',
])('a connection within this machine is left as it is: %s', (url) => {
  expect(urlOf(url)).not.toContain('sslmode')
})

test('a connection searches our own schema alone, whatever else the URL sets', () => {
  const url = new URL(urlOf('postgres://user@host/db?options=-c%20search_path%3Dpublic'))

  expect(url.searchParams.get('options')).toBe(
    '-c search_path=public -c search_path=countersign,pg_temp',
  )
})

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
