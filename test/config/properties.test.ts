import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { toConfig } from '../../src/config/config.ts'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { fileLayer, mergeLayers, toSingleFile } from '../../src/config/layers.ts'
import { type ConfigFile, toConfigFile } from '../../src/config/schema.ts'
import type { KeyEntry } from '../../src/config/sections/key.ts'

const duration = fc.constantFrom('1h', '30d', '3600s')

const entry: fc.Arbitrary<KeyEntry> = fc.record(
  {
    use: fc.constant('token' as const),
    algorithm: fc.constantFrom(...ALGORITHM_NAMES),
    provider: fc.constantFrom('file:/k.pem', 'awskms:///alias/a', 'pkcs11:token=a;object=b'),
    passphrase: fc.constantFrom('env:PASS', 'file:/run/pass'),
    rotation: fc.record({ every: duration }, { requiredKeys: [] }),
    maxTokenLifetime: duration,
  },
  { requiredKeys: ['use', 'provider'] },
)

const valid: fc.Arbitrary<ConfigFile> = fc.record(
  {
    issuer: fc.webUrl({ validSchemes: ['https'] }),
    store: fc.constantFrom('sqlite:/c.db', 'postgres://user@host/db'),
    keys: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/), entry, { maxKeys: 4 }),
    trust: fc.record({ keys: fc.subarray(['file:/a.pub', 'https://example.com/k']) }),
    registry: fc.record(
      { plainHttp: fc.array(fc.domain()), referrersMode: fc.constantFrom('api', 'tag') },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
)

test('a configuration that is written in YAML reads back as it was', () => {
  fc.assert(
    fc.property(valid, (said) => {
      const layer = fileLayer(stringify(said), 'c.yaml')

      expect(layer.problems).toEqual([])
      expect(layer.value).toEqual(said)
      expect(toConfig(toSingleFile(mergeLayers([layer])))).toEqual(toConfig(said))
    }),
  )
})

/** Texts near to a configuration: valid ones with characters taken out, put in or doubled. */
const nearly = fc
  .tuple(
    valid,
    fc.nat(),
    fc.constantFrom('', ':', '-', '[', '{', '"', '&a ', '*a', '\t', '\n', '!!x '),
  )
  .map(([said, where, what]) => {
    const text = stringify(said)
    const at = where % text.length
    return text.slice(0, at) + what + text.slice(what === '' ? at + 1 : at)
  })

test('whatever a file holds is a configuration, or every problem in it has its place', () => {
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
      const { problems, value } = fileLayer(text, 'c.yaml')

      if (problems.length === 0) expect(toConfigFile(value)).toBe(value)
      for (const { origin, message } of problems) {
        expect(message).not.toBe('')
        expect(origin).toMatchObject({ kind: 'file', file: 'c.yaml' })
        if (origin.kind === 'file') expect(Math.min(origin.line, origin.column)).toBeGreaterThan(0)
      }
    }),
    { numRuns: 500 },
  )
})

test('whatever JSON a file holds, no value of a wrong type gets through', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (json) => {
      const { problems, value } = fileLayer(JSON.stringify(json), 'c.yaml')

      if (problems.length === 0) expect(toConfigFile(value)).toBe(value)
      else expect(value).toEqual({})
    }),
  )
})
