import { expect, test } from 'vitest'
import { runSteps, type StepResult } from '../../tools/check/run-steps.ts'

async function run(...commands: readonly [string, ...string[]][]): Promise<StepResult[]> {
  const steps = commands.map((command, index) => ({ name: String(index), command }))
  const ended: StepResult[] = []
  await runSteps(steps, 2, (result) => ended.push(result))
  return ended.toSorted((a, b) => a.name.localeCompare(b.name))
}

test('a step passes by its exit status alone', async () => {
  const results = await run(
    ['node', '-e', 'console.error("talk")'],
    ['node', '-e', 'process.exit(3)'],
  )

  expect(results.map(({ passed }) => passed)).toEqual([true, false])
})

test('a step sees its own variables, and keeps its exit status', async () => {
  const command = ['node', '-e', 'process.exit(process.env.STATUS)'] as const
  const steps = [{ name: 'own', command, env: { STATUS: '77' } }]

  const [result] = await runSteps(steps, 1, () => undefined)

  expect(result).toMatchObject({ passed: false, status: 77 })
})

test('a step keeps all it printed', async () => {
  const [result] = await run(['node', '-e', 'console.log("out"); console.error("err")'])

  expect(result?.output).toContain('out\n')
  expect(result?.output).toContain('err\n')
})

test('a command that does not exist fails its step and stops no other', async () => {
  const results = await run(['no-such-command'], ['node', '-e', ''])

  expect(results.map(({ passed }) => passed)).toEqual([false, true])
})

test('more steps than run at once all run', async () => {
  const results = await run(['node', '-e', ''], ['node', '-e', ''], ['node', '-e', ''])

  expect(results).toHaveLength(3)
})
