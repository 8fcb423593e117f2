import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type ActionOptions,
  type ActionResult,
  runAction,
  startGitHubApi,
} from '../../src/testing.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Runs an action of this text; in it, `write(NAME, text)` writes to a file of the runner. */
function run(text: string, options?: ActionOptions): Promise<ActionResult> {
  const entry = join(createTempFolder(), 'action.mjs')
  const start = `import { appendFileSync } from 'node:fs'
    const { env } = process
    const write = (name, text) => appendFileSync(env[name], text)\n`
  writeFileSync(entry, start + text)
  return runAction(entry, options)
}

test('a step has its inputs, its state and the variables of its job', async () => {
  using step = await run(
    `write('GITHUB_OUTPUT', 'seen=' + [env['INPUT_TWO_WORDS-X'], env.STATE_pid, env.GITHUB_REPOSITORY,
      env.GITHUB_REF, env.GITHUB_SHA.length, env.RUNNER_OS, process.cwd() === env.GITHUB_WORKSPACE])`,
    { inputs: { 'two words-x': 'in' }, state: { pid: '7' }, env: { GITHUB_REF: 'refs/tags/v1' } },
  )

  expect(step.outputs).toEqual({ seen: 'in,7,acme/widget,refs/tags/v1,40,Linux,true' })
})

test('every command of a step to the runner is read', async () => {
  using step = await run(`
    write('GITHUB_STEP_SUMMARY', '# Done')
    write('GITHUB_ENV', 'A=b\\n')
    write('GITHUB_STATE', 'pid<<E\\n7\\nE\\n')
    write('GITHUB_PATH', '/opt/a\\n/opt/b\\n')
    console.error('::notice::from stderr')
    process.exitCode = 3`)

  expect(step).toMatchObject({
    exitCode: 3,
    summary: '# Done',
    env: { A: 'b' },
    state: { pid: '7' },
    paths: ['/opt/a', '/opt/b'],
    outputs: {},
    annotations: [{ level: 'notice', message: 'from stderr' }],
  })
})

test('what a step left is there until the result is disposed of', async () => {
  const step = await run(`appendFileSync(env.RUNNER_TEMP + '/left', 'x')`)

  expect(existsSync(join(step.temp, 'left'))).toBe(true)
  step[Symbol.dispose]()
  expect(existsSync(step.temp)).toBe(false)
})

/** Cancels a step as soon as it has reported to an API that it runs. */
async function cancelled(handlers: string, times: ActionOptions): Promise<ActionResult> {
  const cancel = new AbortController()
  await using github = await startGitHubApi()
  github.answer(/ready/, { delayMs: Infinity })
  const text = `${handlers}\nawait fetch(env.GITHUB_API_URL + '/ready')`
  const env = github.variables
  const running = run(text, { ...times, env, signal: cancel.signal })
  while (github.requests.length === 0) await new Promise(setImmediate)
  cancel.abort()
  return await running
}

test('a job that is cancelled gets SIGINT, and may end by itself', async () => {
  const handler = `process.on('SIGINT', () => { console.log('tidy'); process.exit(9) })`
  using step = await cancelled(handler, {})

  expect(step).toMatchObject({ exitCode: 9, visibleLog: 'tidy\n' })
})

test('a step that does not end on SIGINT gets SIGTERM, and is killed at last', async () => {
  const handler = `for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => console.log(name))`
  using step = await cancelled(handler, { terminateAfterMs: 150, killAfterMs: 150 })

  expect(step).toMatchObject({ exitCode: null, visibleLog: 'SIGINT\nSIGTERM\n' })
})

test('a job that was cancelled before it began is killed at once', async () => {
  using step = await run('await fetch(env.GITHUB_API_URL)', { signal: AbortSignal.abort() })

  expect(step).toMatchObject({ exitCode: null, outputs: {} })
})
