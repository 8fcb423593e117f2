import { expect, test } from 'vitest'
import { parsePostgresAddress } from '../../../src/store/postgres/client-config.ts'
import { openStore } from '../../../src/store/open-store.ts'

const SETTINGS = { password: undefined, timeoutMs: 1000, pollMs: 1000, maxConnections: 1 }

function parse(text: string): ReturnType<typeof parsePostgresAddress> {
  return parsePostgresAddress(text, SETTINGS)
}

/** How connections with the first host are encrypted; `{}`: certificate and name are checked. */
function encryptionOf(text: string): unknown {
  return parse(text).configs[0].ssl
}

test.each(['allow', 'prefer', 'require', 'verify-ca', 'verify-full'])(
  'sslmode=%s means an encrypted connection to a server whose name is checked',
  (mode) => {
    expect(encryptionOf(`postgres://user@host/db?sslmode=${mode}`)).toEqual({})
  },
)

test.each([
  'postgres://user@db.example.com/db',
  'postgres://user@10.0.0.7/db',
  'postgres://user@localhost.example.com/db',
  'postgres://user@127.0.0.1.example.com/db',
  'postgres://user@127.0.0.1/db?host=db.example.com',
  'postgres://user@db.example.com/db?ssl=0',
  'postgres://user@db.example.com/db?ssl=no-verify',
  'postgres://user@db.example.com/db?uselibpqcompat=true&sslmode=require',
  'postgres://user@localhost/db?sslrootcert=/no/such/file',
])('a connection to another machine is encrypted and checked by itself: %s', (url) => {
  expect(encryptionOf(url)).toEqual({})
})

test('each host is encrypted for itself', () => {
  const { configs } = parse('postgres://user@localhost,db.example.com/db')

  expect(configs.map(({ host, ssl }) => [host, ssl])).toEqual([
    ['localhost', undefined],
    ['db.example.com', {}],
  ])
})

test.each([
  'postgres://user@localhost/db',
  'postgres://user@127.0.0.1/db',
  'postgres://user@[::1]/db',
  'postgres://user@%2Fvar%2Frun%2Fpostgresql/db',
  'postgres://user@localhost/db?host=/var/run/postgresql',
])('a connection within this machine is left as it is: %s', (url) => {
  expect(encryptionOf(url)).toBeUndefined()
})

test('sslmode=disable and sslmode=no-verify are what they say', () => {
  expect(encryptionOf(`postgres://user@host/db?sslmode=disable`)).toBe(false)
  expect(encryptionOf(`postgres://user@host/db?sslmode=no-verify`)).toEqual({
    rejectUnauthorized: false,
  })
})

test('what the first packet of a connection holds, every pooler takes', () => {
  const [config] = parse('postgres://user@host/db').configs
  const refused = ['options', 'statement_timeout', 'lock_timeout', 'search_path']

  expect(Object.keys(config).filter((name) => refused.includes(name))).toEqual([])
})

test.each([
  ['postgres://u@h1,h2/db', ['h1', 'h2'], [5432, 5432], true],
  ['postgres://u@h1:5433,h2:5434/db', ['h1', 'h2'], [5433, 5434], true],
  ['postgres://u@[::1]:1,h2/db', ['::1', 'h2'], [1, 5432], true],
  ['postgres://u@h1/db', ['h1'], [5432], false],
  ['postgres://u@h1/db?target_session_attrs=any', ['h1'], [5432], false],
  ['postgres://u@h1/db?target_session_attrs=primary', ['h1'], [5432], true],
])('%s leads to %s', (url, hosts, ports, isPrimaryDemanded) => {
  const address = parse(url)

  expect(address.configs.map(({ host }) => host)).toEqual(hosts)
  expect(address.configs.map(({ port }) => port)).toEqual(ports)
  expect(address.isPrimaryDemanded).toBe(isPrimaryDemanded)
})

test.each([
  ['no URL', 'postgres://user:secret@host:port/db'],
  ['an empty host among several', 'postgres://user:secret@h1,,h2/db'],
  ['a second port that is not a number', 'postgres://user:secret@h1:1,h2:x/db'],
  ['several hosts in the parameter', 'postgres://user:secret@/db?host=h1,h2'],
  ['standbys', 'postgres://user:secret@h1,h2/db?target_session_attrs=read-only'],
  ['an unknown mode', 'postgres://user:secret@host/db?sslmode=verify-fully'],
  ['a file that is not there', 'postgres://user:secret@host/db?sslrootcert=/no/such/file'],
  ['a certificate without its key', 'postgres://user:secret@host/db?sslcert=/no/such/file'],
])('%s is refused without the password', async (_, url) => {
  const refusal: unknown = await openStore(url).catch((error: unknown) => error)

  expect(refusal).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(String(refusal)).not.toContain('secret')
})
