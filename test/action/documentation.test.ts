import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readProjectFile } from '../support/project.ts'

interface ActionFile {
  readonly inputs: Readonly<Record<string, { readonly description: string }>>
  readonly outputs: Readonly<Record<string, { readonly description: string }>>
  readonly runs: { readonly using: string; readonly main: string }
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps: readonly {
    readonly uses?: string
    readonly with?: Readonly<Record<string, unknown>>
  }[]
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const ACTION = parse(readProjectFile('action.yml')) as ActionFile
const PAGE = readProjectFile('docs/github-action.md')

/** The example workflows of the page, by the names in their first lines. */
const EXAMPLES = [...PAGE.matchAll(/```yaml\n# example: ([a-z-]+)\n([\s\S]*?)```/g)].map(
  ([, name = '', text = '']) => ({ name, workflow: parse(text) as Workflow }),
)

const WORKFLOWS = ['ci', 'release'].map((name) => ({
  name,
  text: readProjectFile(`.github/workflows/${name}.yml`),
}))

test('the page has an example of everything people come for', () => {
  const names = EXAMPLES.map(({ name }) => name)

  expect(names).toEqual(['service', 'multi-arch', 'kms', 'matrix', 'verify', 'token'])
})

test.each(EXAMPLES)('the example $name uses inputs that there are', ({ workflow }) => {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)
  const own = steps.filter(({ uses = '' }) => uses.startsWith('countersign/'))
  const inputs = own.flatMap((step) => Object.keys(step.with ?? {}))

  expect(own.length).toBeGreaterThan(0)
  expect(inputs.filter((name) => !(name in ACTION.inputs))).toEqual([])
})

test.each(EXAMPLES)('the example $name has the permissions it needs', ({ name, workflow }) => {
  const jobs = Object.values(workflow.jobs)

  expect(workflow.permissions).toEqual({})
  for (const { permissions = {} } of jobs) {
    expect(permissions['id-token']).toBe(name === 'verify' ? undefined : 'write')
  }
})

test('the action is what its bundle is made for, and every part of it is described', () => {
  const parts = [...Object.values(ACTION.inputs), ...Object.values(ACTION.outputs)]

  expect(ACTION.runs).toEqual({ using: 'node24', main: 'action/dist/index.js' })
  expect(
    parts.every(({ description }) => description.endsWith('.') || description.includes('.')),
  ).toBe(true)
})

test.each(WORKFLOWS)(
  'the workflow $name of this repository grants nothing by default',
  ({ text }) => {
    expect((parse(text) as Workflow).permissions).toEqual({})
  },
)

test.each(WORKFLOWS)('the workflow $name pins what it uses, by commit', ({ text }) => {
  const uses = [...text.matchAll(/uses: (\S+)/g)].map(([, name = '']) => name)
  const isPinned = (name: string): boolean => name === './' || /@[0-9a-f]{40}$/.test(name)

  expect(uses.length).toBeGreaterThan(0)
  expect(uses.filter((name) => !isPinned(name))).toEqual([])
})
