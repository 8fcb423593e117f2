/**
 * Every value that the library exports has an example in its documentation, and every example does what it says: from
 * the sources, or from the installed packages where `npm run check` names them.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createExampleScene } from '../support/examples/folder.ts'
import { findIdleTypes, readPublicNames } from '../support/examples/read.ts'
import type { ExampleResult } from '../support/examples/run-process.ts'
import { PROJECT, readProjectFile } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const ENTRY_POINTS = ['src/index.ts', 'src/verify.ts', 'src/jose.ts', 'src/testing.ts']
const RUNNER = join(PROJECT, 'test/support/examples/run-process.ts')
const HOOK = join(PROJECT, 'test/support/examples/from-sources.ts')
/** The folder with the installed packages, where there is one. */
const CLI = process.env['COUNTERSIGN_TEST_CLI']
const INSTALLED = CLI === undefined ? undefined : resolve(CLI, '../../../../..')
const RUNNING_MS = 300_000

interface Example {
  readonly name: string
  readonly program: string
}

/** The lines that an example states it prints, in order; undefined: it leaves one open. */
function statedLines(program: string): readonly (string | undefined)[] {
  return [...program.matchAll(/^[^'`\n]*?console\.log\(.*\)(?: \/\/ (.*))?$/gm)].map(
    ([, line]) => line,
  )
}

/** Those of the exported names, and of docs/library.md. */
function allExamples(): readonly Example[] {
  const names = new Map(ENTRY_POINTS.flatMap(readPublicNames).map((one) => [one.name, one]))
  const page = readProjectFile('docs/library.md').matchAll(/^```ts example\n(.*?)^```/gms)
  return [
    ...[...names.values()].flatMap(({ name, examples }) =>
      examples.map((program, index) => ({ name: `${name}-${index + 1}`, program })),
    ),
    ...[...page].map(([, program = ''], index) => ({ name: `library.md-${index + 1}`, program })),
  ]
}

async function runExamples(examples: readonly Example[]): Promise<readonly ExampleResult[]> {
  const scene = await createExampleScene()
  // Beside node_modules, so that the names of the packages lead to the installed ones.
  const folder =
    INSTALLED === undefined ? createTempFolder() : mkdtempSync(join(INSTALLED, 'examples-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const programs = examples.map(({ name, program }) => {
    const path = join(folder, `${name}.mts`)
    writeFileSync(path, scene.localize(program))
    return path
  })
  const hook = INSTALLED === undefined ? ['--import', HOOK] : []
  const child = spawn(process.execPath, [...hook, RUNNER, scene.folder, ...programs], {
    env: { ...process.env, ...scene.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExampleResult)
}

test.each(ENTRY_POINTS)('every value that %s exports has an example', (entry) => {
  const values = readPublicNames(entry).filter(({ isType }) => !isType)

  expect(values.length).toBeGreaterThan(0)
  expect(values.filter(({ examples }) => examples.length === 0).map(({ name }) => name)).toEqual([])
})

test.each(ENTRY_POINTS)('every type that %s exports is of use with one of its values', (entry) => {
  expect(findIdleTypes(readPublicNames(entry))).toEqual([])
})

test(
  'every example is sound to a type checker that sees the installed packages alone',
  (context) => {
    context.skip(INSTALLED === undefined, 'npm run check installs them')
    const folder = mkdtempSync(join(INSTALLED ?? '', 'types-'))
    onTestFinished(() => {
      rmSync(folder, { recursive: true })
    })
    // The declarations of @sigstore/sign need packages that it does not install.
    const examples = allExamples().filter(({ program }) => !program.includes('@sigstore/sign'))
    for (const { name, program } of examples) writeFileSync(join(folder, `${name}.mts`), program)
    const compilerOptions = {
      target: 'ES2024',
      lib: ['ES2024', 'ESNext.Disposable'],
      module: 'nodenext',
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(PROJECT, 'node_modules/@types')],
    }
    const config = join(folder, 'tsconfig.json')
    writeFileSync(config, JSON.stringify({ compilerOptions, include: ['*.mts'] }))

    const tsc = join(PROJECT, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', config], { encoding: 'utf8' })

    expect(stdout).toBe('')
  },
  RUNNING_MS,
)

test(
  'every example runs, and prints what it states',
  async () => {
    const examples = allExamples()

    const results = await runExamples(examples)

    const ended = results.map(({ printed, error }, index) => {
      const stated = statedLines(examples[index]?.program ?? '')
      const lines = error === undefined ? printed : [...printed, error]
      return {
        name: examples[index]?.name,
        lines,
        stated: stated.map((one, at) => one ?? lines[at]),
      }
    })
    expect(ended.map(({ name, lines }) => ({ name, lines }))).toEqual(
      ended.map(({ name, stated }) => ({ name, lines: stated })),
    )
    expect(results).toHaveLength(examples.length)
    expect(examples.map(({ name }) => name)).toContain('library.md-1')
  },
  RUNNING_MS,
)
