// The style step of `npm run check`: measures the tree, reads its words, and names every bar it is beyond.
import { globSync, readFileSync } from 'node:fs'
import { findBannedWords } from './banned-words.ts'
import { measureSource, type SourceMeasures } from './measure.ts'
import { findBreaches } from './style-bars.ts'

/** Built code, the record of releases, names in golden documents that are published, and the test of the words. */
const WORDS_NOT_READ = [
  '**/dist/**',
  'CHANGELOG.md',
  'tools/golden/rejects.ts',
  'test/tools/banned-words.test.ts',
]

const production = measure('{src,cli,action}/**/*.ts')
const tests = measure('test/**/*.ts')
const breaches = [...findBreaches({ production, tests }), ...worded().flatMap(checkWords)]
for (const breach of breaches) console.log(breach)
if (breaches.length > 0) process.exitCode = 1

function measure(pattern: string): SourceMeasures[] {
  const paths = globSync(pattern, { exclude: ['**/dist/**', '**/*.d.ts'] }).toSorted()
  return paths.map((path) => measureSource(path, readFileSync(path, 'utf8')))
}

function worded(): string[] {
  const patterns = [
    '{src,cli,action,bench,tools,test}/**/*.{ts,md}',
    'docs/**/*.{md,cedar}',
    '*.md',
  ]
  return globSync(patterns, { exclude: WORDS_NOT_READ }).toSorted()
}

function checkWords(path: string): string[] {
  return findBannedWords(path, readFileSync(path, 'utf8'))
}
