/**
 * A GitHub Actions runner, as far as a JavaScript action can tell: starts the shipped bundle as a process
 * of its own, with the files and variables of a runner, and reads what it said and wrote.
 *
 * @packageDocumentation
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Annotation, parseCommands, parseFileCommands } from './commands.ts'

/** One step to run. */
export interface StepRequest {
  /** Path of the bundle: `action/dist/index.js`. */
  readonly entry: string
  /** Inputs by the names of action.yml. */
  readonly inputs?: Readonly<Record<string, string>>
  /** Variables of the workflow: `GITHUB_REPOSITORY`, `ACTIONS_ID_TOKEN_REQUEST_URL`… */
  readonly env?: Readonly<Record<string, string>>
  /** Payload of the event that started the workflow. */
  readonly event?: object
  /** Folder of the checkout; default: a new one, gone when the step has ended. */
  readonly workspace?: string
  /** Cancels the step as the runner does: SIGINT first, SIGTERM 7.5 s later; here SIGTERM at once. */
  readonly signal?: AbortSignal
}

/** How a step ended. */
export interface StepResult {
  readonly exitCode: number | null
  /** What stands in the log, as written: masks are not applied. */
  readonly log: string
  /** The log as people see it: what was masked is `***`, commands are left out. */
  readonly visibleLog: string
  readonly outputs: Readonly<Record<string, string>>
  /** The job summary, Markdown. */
  readonly summary: string
  /** Values the step asked to hide. */
  readonly masks: readonly string[]
  readonly annotations: readonly Annotation[]
  /** Names of the files under `RUNNER_TEMP` that the step left. */
  readonly temp: string
}

const FILES = ['OUTPUT', 'ENV', 'STATE', 'STEP_SUMMARY', 'PATH'] as const

/** The files and variables of a runner, made for one step. */
interface StepFolder {
  readonly home: string
  readonly workspace: string
  readonly temp: string
  readonly env: Readonly<Record<string, string>>
}

/** Runs one step to its end; the folder in `temp` stays until {@link StepRequest} callers remove it. */
export async function runStep(request: StepRequest): Promise<StepResult> {
  const folder = prepareStep(request)
  const child = spawn(process.execPath, [request.entry], {
    cwd: folder.workspace,
    env: { PATH: process.env['PATH'], ...folder.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  request.signal?.addEventListener('abort', () => child.kill('SIGTERM'))
  const [out, err, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return readStep(folder, out + err, exitCode)
}

/** Makes what a runner gives to a step. */
export function prepareStep(request: Omit<StepRequest, 'entry'>): StepFolder {
  const home = mkdtempSync(join(tmpdir(), 'runner-'))
  const workspace = request.workspace ?? join(home, 'workspace')
  const temp = join(home, 'temp')
  for (const folder of [workspace, temp]) mkdirSync(folder, { recursive: true })
  const files = Object.fromEntries(FILES.map((name) => [`GITHUB_${name}`, join(home, name)]))
  for (const path of Object.values(files)) writeFileSync(path, '')
  const eventPath = join(home, 'event.json')
  writeFileSync(eventPath, JSON.stringify(request.event ?? {}))
  const env = {
    HOME: home,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_EVENT_PATH: eventPath,
    RUNNER_TEMP: temp,
    RUNNER_OS: 'Linux',
    ...files,
    ...request.env,
    ...toInputs(request.inputs ?? {}),
  }
  return { home, workspace, temp, env }
}

/** Reads what a step said and wrote. */
export function readStep(
  { home, temp }: StepFolder,
  log: string,
  exitCode: number | null,
): StepResult {
  const { masks, annotations, visible } = parseCommands(log)
  const read = (name: string): string => readFileSync(join(home, name), 'utf8')
  const result = { exitCode, log, visibleLog: visible, masks, annotations, temp }
  return { ...result, outputs: parseFileCommands(read('OUTPUT')), summary: read('STEP_SUMMARY') }
}

/** Removes what a step left. */
export function removeStep({ temp }: StepResult): void {
  rmSync(join(temp, '..'), { recursive: true, force: true })
}

/** The runner upper-cases names and turns blanks to `_`; hyphens stay. */
function toInputs(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      value,
    ]),
  )
}
