import { expect, test } from 'vitest'
import { DecisionCache } from '../../src/access/decision-cache.ts'
import { collectNames, describeFacts } from '../../src/access/expression.ts'
import { inspectPolicies } from '../../src/access/policy-set.ts'

async function namesOf(condition: string): Promise<ReturnType<typeof collectNames>> {
  const text = `permit(principal, action, resource) when { ${condition} };`
  const { policies } = await inspectPolicies([{ file: 'a.cedar', text }])
  return collectNames(policies.map(({ json }) => json.conditions))
}

test.each([
  ['principal has ref && principal.ref == "x"', ['ref']],
  ['principal has kubernetes.pod', ['kubernetes', 'pod']],
  ['context.subject == { name: "x", digests: ["y"] }', ['subject', 'name', 'digests']],
  ['if resource.use == "x" then [principal.subject].contains("y") else false', ['use', 'subject']],
  ['!(context.subject.name like "a*")', ['subject', 'name']],
  ['ip("1.1.1.1").isInRange(ip(principal.sha))', ['sha']],
])('%s mentions its attributes', async (condition, expected) => {
  const { attributes } = await namesOf(condition)

  expect([...attributes]).toEqual(expect.arrayContaining(expected))
})

test('tags are known by their names, unless a name is computed', async () => {
  const literal = await namesOf('principal.hasTag("a") && principal.getTag("b") == "c"')
  const computed = await namesOf('principal.hasTag(resource.name)')

  expect(literal.tags).toEqual(new Set(['a', 'b']))
  expect(computed.tags).toBeUndefined()
})

test('facts are shortened and stated once', () => {
  const ref = { left: { Var: 'principal' }, attr: 'ref' }
  const facts = describeFacts([{ '.': ref }, { has: ref }], { principal: { ref: 'x'.repeat(500) } })

  expect(facts).toEqual([`principal.ref is "${'x'.repeat(199)}…`])
})

test('the least recently used entry is dropped first', () => {
  const cache = new DecisionCache<string>({ entries: 2, keyCharacters: 3 })
  const asked: string[] = []
  const ask = (key: string): string => cache.get(key, () => `${key}${asked.push(key)}`)

  for (const key of ['a', 'b', 'a', 'c', 'a', 'b', 'long', 'long']) ask(key)

  expect(asked).toEqual(['a', 'b', 'c', 'b', 'long', 'long'])
})
