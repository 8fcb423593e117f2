import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasRelation, parseLinks } from '../../src/oci/link-header.ts'

test.each([
  ['</n>; rel="next"'],
  ['</n>;rel=next'],
  ['</n> ; REL = "Next"'],
  ['</n>; rel="prev next"'],
  ['</n>; title="a, b; rel=\\"x\\" <y>"; rel=next'],
  ['</other>; rel=last, </n>; rel=next'],
  [', </other>;rel="first" ,, </n>;; rel="next";'],
  ['</n>; flag; rel=next; rel=last'],
])('%s leads to the next page', (field) => {
  const next = parseLinks(field)?.find((link) => hasRelation(link, 'next'))

  expect(next?.target).toBe('/n')
})

test.each([[''], ['</n>; rel=last'], ['</n>'], ['</n>; title="rel=next"']])(
  '%j has no next page',
  (field) => {
    expect(parseLinks(field)?.some((link) => hasRelation(link, 'next'))).toBe(false)
  },
)

test.each([['/n; rel=next'], ['</n; rel=next'], ['</n>; rel="next'], ['x'], [' '.repeat(20_000)]])(
  '%j is malformed',
  (field) => {
    expect(parseLinks(field)).toBeUndefined()
  },
)

test('a target with commas, quotes and semicolons is read whole', () => {
  const targets = fc.stringMatching(/^[!-;=?-~]{0,40}$/)
  fc.assert(
    fc.property(targets, fc.boolean(), (target, isQuoted) => {
      const field = `<${target}>; rel=${isQuoted ? '"next"' : 'next'}`
      expect(parseLinks(`${field}, ${field}`)?.map((link) => link.target)).toEqual([target, target])
    }),
  )
})
