import { expect, test } from 'vitest'
import { measureSource } from '../../tools/check/measure.ts'
import { BARS, findBreaches } from '../../tools/check/style-bars.ts'

/** A documented function of `lines` lines; its name keeps it from being a copy of another. */
function source(name: string, lines = 10): string {
  const body = Array.from({ length: lines - 2 }, (_, index) => `  use('${name}', ${index})`)
  return `/**\n * Guarantees ${name}.\n */\nexport function ${name}(): void {\n${body.join('\n')}\n}\n`
}

function breaches(files: Readonly<Record<string, string>>): string[] {
  const all = { 'src/kept.ts': source('kept'), 'test/kept.test.ts': source('tested', 11), ...files }
  const measured = Object.entries(all).map(([path, text]) => measureSource(path, text))
  return findBreaches({
    production: measured.filter(({ path }) => !path.startsWith('test/')),
    tests: measured.filter(({ path }) => path.startsWith('test/')),
  })
}

/** For each bar, a tree that is beyond it. */
const BEYOND: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'files stay short': { 'src/long.ts': `${source('a')}\n`.repeat(30) },
  'functions stay short': { 'src/long.ts': source('a', 32), 'src/other.ts': source('b', 33) },
  'types have no holes': { 'src/a.ts': `/** Holds. */\nexport const a: any = b!\n` },
  'nothing is silenced': { 'test/a.test.ts': `// @ts-ignore\na()\n` },
  'casts are rare': { 'src/a.ts': `/** Holds. */\nexport const a = b as string\n` },
  'lint exceptions are few and say why': {
    'src/a.ts': `// eslint-disable-next-line no-eval\na()\n`,
  },
  'every export says what it guarantees': { 'src/a.ts': `export const a = 1\n` },
  'comments are neither missing nor everywhere': { 'src/a.ts': '// word\n'.repeat(30) },
  'no work is left behind in a comment': { 'src/a.ts': `// TODO: more\na()\n` },
  'only composition roots read the clock': { 'src/a.ts': `const a = Date.now()\n` },
  'there is as much test as code, and not much more': { 'src/a.ts': source('a', 30) },
  'no block is copied': { 'src/a.ts': source('kept') },
}

test.for(Object.entries(BEYOND))('the bar "%s" fires', ([name, files]) => {
  expect(breaches(files).filter((breach) => breach.startsWith(`${name}: `))).not.toEqual([])
})

test('a tree within all bars breaks none', () => {
  expect(breaches({})).toEqual([])
})

test('every bar has its breach here', () => {
  expect(BARS.map(({ name }) => name)).toEqual(Object.keys(BEYOND))
})

test('composition roots may read the clock, and dates made from a value are no reads', () => {
  const clock = `const now = new Date()\n`
  const found = breaches({ 'cli/main.ts': clock, 'src/a.ts': `const then = new Date(0)\n` })

  expect(found.filter((breach) => breach.startsWith('only composition roots'))).toEqual([])
})

test('`as const` is not a cast, and a comment behind code is not a comment line', () => {
  const measured = measureSource('src/a.ts', `const a = [1] as const // why\n`)

  expect(measured.casts).toEqual([])
  expect(measured.commentLines).toBe(0)
})
