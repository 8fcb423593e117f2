/**
 * A GitHub Actions runner, as far as a JavaScript action can tell: starts the shipped bundle as a process
 * of its own, with the files and variables of a runner, and reads what it said and wrote.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { jobVariables } from './github-claims.ts'
import { type LogCommands, parseCommands, parseFileCommands } from './workflow-commands.ts'

type Variables = Readonly<Record<string, string>>

/** What a step is run with; all of it is optional. */
export interface ActionOptions {
  /** Inputs by the names of action.yml, whose defaults are not read. */
  readonly inputs?: Variables
  /** Variables beside those of the runner and of {@link jobVariables}, or in their place. */
  readonly env?: Variables
  /** What an earlier part of the action has saved, for its `post`. */
  readonly state?: Variables
  /** Payload of the event that started the workflow. */
  readonly event?: object
  /** Folder of the checkout; default: a new, empty one. */
  readonly workspace?: string
  /** Cancels the step as a runner does: SIGINT, then SIGTERM, then SIGKILL. */
  readonly signal?: AbortSignal
  /** Time from SIGINT to SIGTERM; default 7500, as on a runner. */
  readonly terminateAfterMs?: number
  /** Time from SIGTERM to SIGKILL; default 2500, as on a runner. */
  readonly killAfterMs?: number
}

/** How a step ended. */
export interface ActionResult extends Pick<LogCommands, 'annotations' | 'masks'>, Disposable {
  /** `null` where a signal killed it. */
  readonly exitCode: number | null
  /** All it printed, with commands and without masks. */
  readonly log: string
  /** The log as people see it. */
  readonly visibleLog: string
  readonly outputs: Variables
  /** The job summary, Markdown. */
  readonly summary: string
  /** Variables it sets for the steps after it. */
  readonly env: Variables
  /** What it saved for its `post`. */
  readonly state: Variables
  /** Folders it puts first on `PATH`, in order. */
  readonly paths: readonly string[]
  /** `RUNNER_TEMP` with what it left there, until the result is disposed of. */
  readonly temp: string
}

/** The files and variables of a runner, made for one step. */
export interface PreparedStep {
  readonly env: Variables
  readonly workspace: string
  /** Reads what the step wrote; `log` is what it printed. */
  finish(log: string, exitCode: number | null): ActionResult
}

const FILES = ['OUTPUT', 'STEP_SUMMARY', 'ENV', 'STATE', 'PATH'] as const

/**
 * Runs one step to its end; how it ended is for the test to judge.
 *
 * @param entry - the bundle: `main`, `pre` or `post` of action.yml
 * @throws SyntaxError — a file for the runner is malformed
 *
 * @example
 * ```ts
 * import { runAction } from 'countersign/testing'
 * import { writeFile } from 'node:fs/promises'
 *
 * await writeFile('action.mjs', 'console.log(`Hello ${process.env.INPUT_NAME}`)')
 * using step = await runAction('action.mjs', { inputs: { name: 'you' } })
 * console.log(step.exitCode, step.visibleLog.trim()) // 0 Hello you
 * ```
 */
export async function runAction(entry: string, options: ActionOptions = {}): Promise<ActionResult> {
  const step = prepareStep(options)
  const child = spawn(process.execPath, [resolve(entry)], {
    cwd: step.workspace,
    env: { PATH: process.env['PATH'], ...step.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  }
  const cancel = (): void => void cancelStep(child, options)
  if (options.signal?.aborted === true) cancel()
  options.signal?.addEventListener('abort', cancel)
  const [exitCode] = (await once(child, 'close')) as [number | null]
  options.signal?.removeEventListener('abort', cancel)
  return step.finish(log, exitCode)
}

/**
 * Makes what a runner gives to a step, for an action that a test runs in its own process.
 *
 * @example
 * ```ts
 * import { prepareStep } from 'countersign/testing'
 * import { appendFile } from 'node:fs/promises'
 *
 * const step = prepareStep({ inputs: { name: 'you' } })
 * await appendFile(step.env['GITHUB_OUTPUT'] ?? '', 'greeting=Hello\n')
 * using result = step.finish('', 0)
 * console.log(result.outputs['greeting']) // Hello
 * ```
 */
export function prepareStep(options: ActionOptions = {}): PreparedStep {
  const home = mkdtempSync(join(tmpdir(), 'runner-'))
  const { workspace = join(home, 'workspace') } = options
  const temp = join(home, 'temp')
  const tools = join(home, 'tools')
  for (const folder of [workspace, temp, tools]) mkdirSync(folder, { recursive: true })
  const files = Object.fromEntries(FILES.map((name) => [`GITHUB_${name}`, join(home, name)]))
  for (const path of Object.values(files)) writeFileSync(path, '')
  const eventPath = join(home, 'event.json')
  writeFileSync(eventPath, JSON.stringify(options.event ?? {}))
  const env = {
    HOME: home,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_EVENT_PATH: eventPath,
    RUNNER_TEMP: temp,
    RUNNER_TOOL_CACHE: tools,
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: arch().toUpperCase(),
    ...jobVariables(),
    ...files,
    ...options.env,
    ...rename(options.state, (name) => `STATE_${name}`),
    // The runner upper-cases names and turns blanks to `_`; hyphens stay.
    ...rename(options.inputs, (name) => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`),
  }
  return { env, workspace, finish: (...end) => readStep(home, ...end) }
}

function rename(variables: Variables = {}, toName: (name: string) => string): Variables {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [toName(name), value]))
}

function readStep(home: string, log: string, exitCode: number | null): ActionResult {
  const { masks, annotations, visible } = parseCommands(log)
  const read = (name: (typeof FILES)[number]): string => readFileSync(join(home, name), 'utf8')
  return {
    exitCode,
    log,
    visibleLog: visible,
    masks,
    annotations,
    outputs: parseFileCommands(read('OUTPUT')),
    summary: read('STEP_SUMMARY'),
    env: parseFileCommands(read('ENV')),
    state: parseFileCommands(read('STATE')),
    paths: read('PATH')
      .split(/\r?\n/)
      .filter((line) => line !== ''),
    temp: join(home, 'temp'),
    [Symbol.dispose]: () => {
      rmSync(home, { recursive: true, force: true })
    },
  }
}

async function cancelStep(child: ChildProcess, options: ActionOptions): Promise<void> {
  const { terminateAfterMs = 7500, killAfterMs = 2500 } = options
  child.kill('SIGINT')
  if (await outlives(child, terminateAfterMs)) child.kill('SIGTERM')
  if (await outlives(child, killAfterMs)) child.kill('SIGKILL')
}

function outlives(child: ChildProcess, ms: number): Promise<boolean> {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  return new Promise((settle) => {
    const timer = setTimeout(end, ms)
    child.once('exit', end)
    function end(): void {
      clearTimeout(timer)
      child.removeListener('exit', end)
      settle(isRunning())
    }
    if (!isRunning()) end()
  })
}
