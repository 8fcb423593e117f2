import { expect, test } from 'vitest'
import { toConfig } from '../../src/config/config.ts'
import { assertUse, findNamedKey } from '../../src/config/named-key.ts'
import type { KeyEntry } from '../../src/config/sections/key.ts'
import { codeOf } from '../support/errors.ts'

function configWith(name: string, entry: Partial<KeyEntry>): ReturnType<typeof toConfig> {
  const origins = {
    [`keys.${name}.provider`]: { kind: 'file', file: 'c.yaml', line: 7, column: 3 },
  } as const
  const keys = { [name]: { use: 'artifact', provider: 'file:a.pem', ...entry } as const }
  return toConfig({ keys }, { file: 'c.yaml', origins })
}

test('a name stands for its key, with the algorithm that is pinned to it', () => {
  const config = configWith('release', { algorithm: 'RS512', passphrase: 'env:PASS' })

  expect(findNamedKey(config, 'release')).toMatchObject({
    name: 'release',
    use: 'artifact',
    uri: { scheme: 'file', path: 'a.pem' },
    algorithm: 'RS512',
    passphrase: 'env:PASS',
  })
})

test('an undefined name has no value, names of JavaScript included', () => {
  const config = configWith('release', {})

  expect(findNamedKey(config, 'relase')).toBeUndefined()
  expect(findNamedKey(config, 'constructor')).toBeUndefined()
})

test.each([
  'awskms:///?region=eu-west-1',
  'awskms://kms.lab:4566/',
  'file:keys/',
  'pkcs11:token=prod',
])('the place %s is not one key', (provider) => {
  const config = configWith('release', { provider })

  expect(codeOf(() => findNamedKey(config, 'release'))).toBe('ERR_CONFIG_INVALID')
  expect(() => findNamedKey(config, 'release')).toThrow('keys.release.provider (c.yaml:7)')
})

test('a key does what its use says and nothing else', () => {
  const key = findNamedKey(configWith('sessions', { use: 'token' }), 'sessions')
  if (key === undefined) throw new TypeError('no such key')

  expect(
    codeOf(() => {
      assertUse(key, 'token')
    }),
  ).toBe('accepted')
  expect(
    codeOf(() => {
      assertUse(key, 'artifact')
    }),
  ).toBe('ERR_KEY_NOT_USABLE')
})

test('tokens of a key follow what the configuration says of it', () => {
  const claims = { forced: { tenant: 'acme' }, allowed: ['sub'], required: ['sub'] }
  const keys = {
    free: { use: 'token', provider: 'file:a.pem' },
    tied: {
      use: 'token',
      provider: 'file:b.pem',
      maxTokenLifetime: '15m',
      tokenType: 'at+jwt',
      claims,
    },
  } as const
  const rulesOf = (name: string): unknown => findNamedKey(toConfig({ keys }), name)?.tokenRules

  expect(rulesOf('free')).toEqual({
    type: undefined,
    maxLifetimeSeconds: 3600,
    claims: { forced: {}, allowed: 'any', forbidden: [], required: [] },
  })
  expect(rulesOf('tied')).toEqual({
    type: 'at+jwt',
    maxLifetimeSeconds: 900,
    claims: { ...claims, forbidden: [] },
  })
})
