import { expect, test } from 'vitest'
import { nearestName } from '../src/nearest.ts'

const KNOWN = ['issuer', 'store', 'keys', 'access', 'trust', 'registry', 'plainHttp']

test.each([
  ['isuer', 'issuer'],
  ['isseur', 'issuer'],
  ['Key', 'keys'],
  ['registri', 'registry'],
  ['plain_http', 'plainHttp'],
  ['plainhttp', 'plainHttp'],
])('"%s" is taken for a misspelt "%s"', (name, meant) => {
  expect(nearestName(name, KNOWN)).toBe(meant)
})

test.each(['', 'x', 'certificate', 'k'.repeat(10_000)])('"%s" is taken for nothing', (name) => {
  expect(nearestName(name, KNOWN)).toBeUndefined()
})
