import { expect, test } from 'vitest'
import { suggestName } from '../../src/basics/suggest.ts'

const KNOWN = ['issuer', 'store', 'keys', 'access', 'trust', 'registry', 'plainHttp']

test.each([
  ['isuer', 'issuer'],
  ['isseur', 'issuer'],
  ['Key', 'keys'],
  ['registri', 'registry'],
  ['plain_http', 'plainHttp'],
  ['plainhttp', 'plainHttp'],
])('"%s" is taken for a misspelt "%s"', (name, meant) => {
  expect(suggestName(name, KNOWN)).toBe(meant)
})

test.each(['', 'x', 'certificate', 'k'.repeat(10_000)])('"%s" is taken for nothing', (name) => {
  expect(suggestName(name, KNOWN)).toBeUndefined()
})
