import { expect, test } from 'vitest'
import { toConfig } from '../../src/config/config.ts'
import { withEmbeddedKeys } from '../../src/config/embedded-keys.ts'
import { codeOf } from '../support/errors.ts'

test('a service with a database file gets keys of its own in a folder beside it', () => {
  const keys = withEmbeddedKeys(toConfig({ store: 'sqlite:/var/lib/countersign/c.db' }))

  expect(Object.entries(keys).map(([name, { use, algorithm }]) => [name, use, algorithm])).toEqual([
    ['timestamp', 'timestamp', 'ES256'],
    ['log', 'log', 'EdDSA'],
    ['audit', 'audit', 'EdDSA'],
    ['trust', 'trust', 'ES256'],
  ])
  expect(keys['log']).toMatchObject({ provider: 'file:/var/lib/countersign/keys/' })
  expect(keys['log']?.policy.everySeconds).toBeUndefined()
})

test('a configured use gets no second key', () => {
  const config = toConfig({
    store: 'sqlite:c.db',
    keys: { tsa: { use: 'timestamp', provider: 'file:/tsa/' } },
  })

  expect(Object.keys(withEmbeddedKeys(config))).toEqual(['tsa', 'log', 'audit', 'trust'])
  expect(withEmbeddedKeys(config)['trust']?.provider).toBe('file:keys/')
})

test.each([
  ['replicas share no folder', toConfig({ store: 'postgres://countersign@db/countersign' })],
  ['a database in memory has none', toConfig({ store: 'sqlite::memory:' })],
  [
    'another key has the name',
    toConfig({ keys: { timestamp: { use: 'artifact', provider: 'file:/a/' } } }),
  ],
])('keys of its own must be configured where %s', (_why, config) => {
  expect(codeOf(() => withEmbeddedKeys(config))).toBe('ERR_CONFIG_INVALID')
})
