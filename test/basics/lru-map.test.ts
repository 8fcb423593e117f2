import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LruMap } from '../../src/basics/lru-map.ts'

type Step = readonly ['get' | 'set' | 'delete', string, number]

/** What a map of that limit must answer: a list, the least recently used first. */
function answers(steps: readonly Step[], limit: number): readonly (number | undefined)[] {
  let entries: readonly (readonly [string, number])[] = []
  return steps.map(([what, key, value]) => {
    const known = entries.find(([name]) => name === key)
    const others = entries.filter(([name]) => name !== key)
    if (what === 'delete') entries = others
    if (what === 'set') entries = [...others, [key, value] as const].slice(-limit)
    if (what === 'get' && known !== undefined) entries = [...others, known]
    return what === 'get' ? known?.[1] : undefined
  })
}

test('it remembers what was used last, up to its limit', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete'), key, fc.nat())

  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
      const map = new LruMap<number>(limit)
      const found = steps.map(([what, name, value]) => {
        if (what === 'get') return map.get(name)
        if (what === 'set') map.set(name, value)
        else map.delete(name)
        return undefined
      })

      expect(found).toEqual(answers(steps as readonly Step[], limit))
    }),
  )
})
