import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseChallenges } from '../../src/oci/auth-challenge.ts'

const read = (field: string): unknown =>
  parseChallenges(field).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

test.each<[string, unknown]>([
  ['Basic realm="a"', [['basic', { realm: 'a' }]]],
  ['bAsIc REALM = a', [['basic', { realm: 'a' }]]],
  ['Basic realm="a, \\"b\\" \\\\"', [['basic', { realm: 'a, "b" \\' }]]],
  [
    'Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        {
          realm: 'https://auth.example/token',
          service: 'reg',
          scope: 'repository:a/b:pull,push',
        },
      ],
    ],
  ],
  [
    'Negotiate, Basic realm="a", Bearer realm="b" , service=c',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b', service: 'c' }],
    ],
  ],
  [
    'Negotiate abc==, Basic realm=a',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
    ],
  ],
  ['Basic realm=a, realm=b', [['basic', { realm: 'a' }]]],
  ['', []],
  ['realm="registry"', []],
])('parseChallenges reads %s', (field, challenges) => {
  expect(read(field)).toEqual(challenges)
})

test('a field over 8 KiB holds no challenge', () => {
  expect(read(`Basic realm="${'a'.repeat(8192)}"`)).toEqual([])
})

test('parseChallenges never throws', () => {
  const pieces = fc.constantFrom('Basic', 'Bearer', ' ', ',', '=', '"', '\\', 'realm', 'a')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((all) => all.join('')),
      ),
      (field) => {
        expect(Array.isArray(read(field))).toBe(true)
      },
    ),
    { numRuns: 2000 },
  )
})
