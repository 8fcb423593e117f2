import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAuthorizer } from '../../src/access/authorize.ts'
import { readPolicyFolder } from '../../src/access/policy-folder.ts'
import { describePlace } from '../../src/access/policy-problem.ts'
import { inspectPolicies } from '../../src/access/policy-set.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { RELEASE_POLICY } from './policies.ts'

async function problemsOf(text: string): Promise<readonly string[]> {
  const { problems } = await inspectPolicies([{ file: 'a.cedar', text }])
  return problems.map((problem) => `${describePlace(problem)} ${problem.message}`)
}

test('policies that fit the schema have no problems', async () => {
  await expect(problemsOf(RELEASE_POLICY)).resolves.toEqual([])
})

test.each([
  ['a syntax error', 'permit(\n  principal, action resource);', '2:21 unexpected token `resource`'],
  ['an unknown action', '// ü\npermit(principal, action == Action::"sgn", resource);', '2:29'],
  [
    'an unknown attribute',
    'permit(principal, action, resource)\n when { principal.repo == "x" };',
    '2:9',
  ],
  [
    'an unguarded claim',
    'permit(principal, action, resource) when { principal.ref == "x" };',
    '1:44',
  ],
  ['a wrong type', 'permit(principal, action, resource) when { resource.name == 1 };', '1:44'],
  ['an unknown type', 'permit(principal is User, action, resource);', '1:21'],
  ['an unknown policy function', 'permit(principal, action, resource) when { foo("x") };', '1:44'],
  [
    'a rule that can never apply',
    'forbid(principal, action == Action::"sign", resource is Issuer);',
    '1:1',
  ],
  ['a template', '\n permit(principal == ?principal, action, resource);', '2:2 a template'],
])('%s is a problem with its place', async (_what, text, place) => {
  const [problem] = await problemsOf(text)

  expect(problem).toContain(`a.cedar:${place}`)
})

test('letters that look like others are a problem', async () => {
  const cyrillic = 'forbid(principal, action == Action::"sign", resource == Key::"rel\u0435ase");'

  await expect(problemsOf(cyrillic)).resolves.toHaveLength(1)
})

test('all mistakes of all files are found, each at its policy', async () => {
  const bad = 'permit(principal, action == Action::"x", resource);\n'
  const { problems } = await inspectPolicies([
    { file: 'a.cedar', text: bad.repeat(12) },
    { file: 'b.cedar', text: `${RELEASE_POLICY}${bad}` },
    { file: 'c.cedar', text: 'permit(' },
  ])

  const places = problems.map(({ file, line }) => `${file}:${line}`)
  expect(new Set(places)).toEqual(
    new Set([
      ...Array.from({ length: 12 }, (_, i) => `a.cedar:${i + 1}`),
      'b.cedar:10',
      'c.cedar:1',
    ]),
  )
})

test('an authorizer is not made of policies with a mistake', async () => {
  const text = 'permit(principal, action == Action::"sgn", resource);'

  await expect(createAuthorizer([{ file: 'a.cedar', text }])).rejects.toMatchObject({
    code: 'ERR_POLICY_INVALID',
    message: expect.stringContaining('a.cedar:1:29: unrecognized action') as string,
    hint: 'did you mean `Action::"sign"`?',
    details: { file: 'a.cedar', line: 1, column: 29 },
  })
})

test('too large a file and too many policies are problems', async () => {
  const many = 'permit(principal,action,resource);'.repeat(501)
  const long = `permit(principal,action,resource) when {${'true||'.repeat(2000)}true};`

  await expect(problemsOf(' '.repeat(70_000))).resolves.toEqual([
    'a.cedar:1:1 over 65536 characters',
  ])
  await expect(problemsOf(many)).resolves.toEqual(['a.cedar:1:1 over 500 policies'])
  await expect(problemsOf(long)).resolves.toEqual(['a.cedar:1:1 a policy of over 8192 characters'])
})

test('whatever a file says, it is policies or problems', async () => {
  const word = fc.constantFrom(
    'permit',
    '(',
    ')',
    'principal',
    ',',
    'when',
    '{',
    '}',
    ';',
    '"é',
    '@id("x")',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(word).map((words) => words.join(' ')),
  )

  await fc.assert(
    fc.asyncProperty(text, async (said) => {
      const { policies, problems } = await inspectPolicies([{ file: 'a.cedar', text: said }])

      expect(policies.every(({ id }) => id.startsWith('a.cedar:'))).toBe(true)
      expect(problems.every(({ line, column }) => line > 0 && column > 0)).toBe(true)
    }),
    { numRuns: 20 },
  )
})

test('a folder is read by its policy files, in order', async () => {
  const folder = createTempFolder()
  for (const name of ['b.cedar', 'a.cedar', '.hidden.cedar', 'notes.txt']) {
    writeFileSync(join(folder, name), RELEASE_POLICY)
  }

  const sources = await readPolicyFolder(folder)

  expect(sources.map(({ file }) => file)).toEqual([
    join(folder, 'a.cedar'),
    join(folder, 'b.cedar'),
  ])
})

test('a folder without a policy, or none at all, is an error that says what to do', async () => {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'empty'))

  await expect(readPolicyFolder(join(folder, 'empty'))).rejects.toMatchObject({
    code: 'ERR_POLICY_INVALID',
  })
  await expect(readPolicyFolder(join(folder, 'nowhere'))).rejects.toMatchObject({
    code: 'ERR_FILE_READ',
    hint: expect.stringContaining('access.policies') as string,
  })
})
