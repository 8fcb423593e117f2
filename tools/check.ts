// `npm run check`: every gate but the tests, one line each; only what failed shows its output.
import { closingLine } from './closing-line.ts'
import { runSteps, type Step } from './check/run-steps.ts'

const STEPS: readonly Step[] = [
  // First: it takes as long as all the others.
  { name: 'package', command: ['node', 'tools/check/package.ts'] },
  { name: 'format', command: ['prettier', '--check', '.'] },
  { name: 'lint', command: ['eslint', '.'] },
  { name: 'types', command: ['tsc'] },
  {
    name: 'import rules',
    command: ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'cli', 'action'],
  },
  { name: 'unused code', command: ['knip'] },
  { name: 'generated files', command: ['node', 'tools/generate.ts', '--check'] },
  { name: 'screenshots', command: ['node', 'tools/screenshots/main.ts', '--check'] },
  { name: 'action bundle', command: ['node', 'tools/build-action.ts', '--check'] },
  { name: 'style bars', command: ['node', 'tools/check/style.ts'] },
]

const results = await runSteps(STEPS, 2, ({ name, passed, seconds, output }) => {
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`)
  if (!passed) console.log(output)
})
const failed = results.filter(({ passed }) => !passed).length
console.log(`\n${closingLine({ passed: results.length - failed, failed })}`)
if (failed > 0) process.exitCode = 1
