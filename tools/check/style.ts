// The style step of `npm run check`: measures the tree and names every bar it is beyond.
import { globSync, readFileSync } from 'node:fs'
import { measureSource, type SourceMeasures } from './measure.ts'
import { findBreaches } from './style-bars.ts'

const production = measure('{src,cli,action}/**/*.ts')
const tests = measure('test/**/*.ts')
const breaches = findBreaches({ production, tests })
for (const breach of breaches) console.log(breach)
if (breaches.length > 0) process.exitCode = 1

function measure(pattern: string): SourceMeasures[] {
  const paths = globSync(pattern, { exclude: ['**/dist/**', '**/*.d.ts'] }).toSorted()
  return paths.map((path) => measureSource(path, readFileSync(path, 'utf8')))
}
