// `npm run cases`: what people reported of tools of this kind, each rebuilt as a program, against the installed
// package. The cases lie beside the project. Arguments are parts of their names: `npm run cases -- keys/11`.
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { runSteps, type Step, type StepResult } from '../check/run-steps.ts'
import { closingLine } from '../closing-line.ts'
import { installPackages, packProject } from '../package/installation.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const CASES = resolve(ROOT, '../shared/cases')
/** A case ends with it where a program that it needs is not on this machine. */
const SKIPPED = 77

async function main(parts: readonly string[]): Promise<void> {
  const names = globSync('*/*/run.sh', { cwd: CASES })
    .map((path) => dirname(path))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .toSorted()
  if (names.length === 0) console.log(`no case in ${CASES}`)
  const results = names.length === 0 ? [] : await runCases(names)
  const skipped = results.filter(({ status }) => status === SKIPPED).length
  const passed = results.filter((result) => result.passed).length
  const failed = results.length - passed - skipped
  console.log(`\n${names.length} cases`)
  console.log(closingLine({ passed, failed, skipped }))
  if (failed > 0) process.exitCode = 1
}

async function runCases(names: readonly string[]): Promise<readonly StepResult[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'countersign-cases-'))
  try {
    // Some cases start a service as another user, who must be able to read it.
    chmodSync(scratch, 0o755)
    const [{ tarball }] = packProject(scratch)
    const { cli } = installPackages([tarball], join(scratch, 'installed'))
    const env = { COUNTERSIGN: `${process.execPath} ${cli}`, PROJECT: ROOT }
    const steps = names.map((name): Step => {
      return { name, command: ['sh', join(CASES, name, 'run.sh')], env }
    })
    return await runSteps(steps, 2, report)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function report({ name, passed, status, seconds, output }: StepResult): void {
  const verdict = status === SKIPPED ? 'skip' : passed ? 'ok  ' : 'FAIL'
  console.log(`${verdict} ${name} (${seconds.toFixed(1)} s)`)
  if (!passed) console.log(output.trimEnd().replaceAll(/^/gm, '     '))
}

await main(process.argv.slice(2))
