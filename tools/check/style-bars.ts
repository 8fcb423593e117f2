import type { CodeLine, SourceMeasures } from './measure.ts'

/** The measured tree: what ships, and what tests it. */
export interface MeasuredTree {
  readonly production: readonly SourceMeasures[]
  readonly tests: readonly SourceMeasures[]
}

/** One bar of the house style: `find` says where the tree is beyond it. */
interface Bar {
  readonly name: string
  readonly find: (tree: MeasuredTree) => readonly string[]
}

const COPIED_LINES = 8
const COMPOSITION_ROOT =
  /^(cli|action|src\/testing)\/|^src\/(service\/server|artifacts\/defaults|client\/issuer-key-set)\.ts$/
/** Its times are compared with those of cockatiel, which reads the clock itself. */
const OTHER_CLOCK = 'src/basics/circuit.ts'
const SILENCER = /@ts-(ignore|expect-error|nocheck)|\b(v8|c8|istanbul) ignore\b/
const REASON = /eslint-disable.* -- \w/

/** The bars that lint does not hold, each named by what it guarantees. */
export const BARS: readonly Bar[] = [
  {
    name: 'files stay short',
    find: ({ production }) => {
      const lines = production.map((file) => file.lines)
      return [
        ...atMost('median lines of a file', quantile(lines, 0.5), 130),
        ...atMost('90th percentile of lines of a file', quantile(lines, 0.9), 250),
      ]
    },
  },
  {
    name: 'functions stay short',
    find: ({ production }) => {
      const lines = production.flatMap((file) => file.functionLines)
      return [
        ...atMost('median lines of a function', quantile(lines, 0.5), 10),
        ...atMost('90th percentile of lines of a function', quantile(lines, 0.9), 30),
      ]
    },
  },
  {
    name: 'types have no holes',
    find: ({ production, tests }) => [...production, ...tests].flatMap((file) => file.typeHoles),
  },
  {
    name: 'nothing is silenced',
    find: (tree) => placesOf(comments(tree).filter(({ text }) => SILENCER.test(text))),
  },
  {
    name: 'casts are rare',
    find: ({ production }) => {
      const casts = production.flatMap((file) => file.casts)
      const lines = sum(production.map((file) => file.lines))
      const findings = atMost('casts in 100 lines', (casts.length / lines) * 100, 1)
      return findings.length === 0 ? [] : [...findings, ...casts]
    },
  },
  {
    name: 'lint exceptions are few and say why',
    find: (tree) => {
      const exceptions = comments(tree).filter(({ text }) => text.includes('eslint-disable'))
      const bare = exceptions.filter(({ text }) => !REASON.test(text))
      return [...atMost('lint exceptions', exceptions.length, 5), ...placesOf(bare)]
    },
  },
  {
    name: 'every export says what it guarantees',
    find: ({ production }) => production.flatMap((file) => file.undocumentedExports),
  },
  {
    name: 'comments are neither missing nor everywhere',
    find: ({ production }) => {
      const comment = sum(production.map((file) => file.commentLines))
      const code = sum(production.map((file) => file.code.length))
      return between(
        'percent of lines that are comment',
        (comment / (comment + code)) * 100,
        15,
        30,
      )
    },
  },
  {
    name: 'no work is left behind in a comment',
    find: (tree) =>
      placesOf(comments(tree).filter(({ text }) => /\b(TODO|FIXME|XXX)\b/.test(text))),
  },
  {
    name: 'only composition roots read the clock',
    find: ({ production }) =>
      production
        .filter(({ path }) => !COMPOSITION_ROOT.test(path) && path !== OTHER_CLOCK)
        .flatMap((file) => file.clockReads),
  },
  {
    name: 'there is as much test as code, and not much more',
    find: ({ production, tests }) => {
      const codeLines = (files: readonly SourceMeasures[]): number =>
        sum(files.map((file) => file.code.length))
      return between(
        'lines of test for a line of code',
        codeLines(tests) / codeLines(production),
        1,
        1.6,
      )
    },
  },
  {
    name: 'no block is copied',
    find: ({ production }) => copiedBlocks(production),
  },
]

/** Finds where a tree is beyond a bar; each finding starts with the bar's name. */
export function findBreaches(tree: MeasuredTree): string[] {
  return BARS.flatMap(({ name, find }) => find(tree).map((finding) => `${name}: ${finding}`))
}

function comments({ production, tests }: MeasuredTree): CodeLine[] {
  return [...production, ...tests].flatMap((file) => file.comments)
}

function placesOf(lines: readonly CodeLine[]): string[] {
  return lines.map(({ place }) => place)
}

/** Runs of lines that stand in two places. Lines of closing brackets alone say nothing and are passed over. */
function copiedBlocks(files: readonly SourceMeasures[]): string[] {
  const seen = new Map<string, string>()
  const findings = new Map<string, string>()
  for (const { path, code } of files) {
    const telling = code.filter(({ text }) => /\w/.test(text))
    for (const [index, { place }] of telling.slice(0, 1 - COPIED_LINES).entries()) {
      const block = telling.slice(index, index + COPIED_LINES)
      const text = block.map((line) => line.text).join('\n')
      const first = seen.get(text)
      if (first === undefined) seen.set(text, place)
      else findings.set(`${path} ${first.replace(/:\d+$/, '')}`, `${place} repeats ${first}`)
    }
  }
  return [...findings.values()]
}

function atMost(what: string, actual: number, limit: number): string[] {
  return actual <= limit ? [] : [`${what}: ${round(actual)}, at most ${limit}`]
}

function between(what: string, actual: number, least: number, most: number): string[] {
  return actual >= least && actual <= most
    ? []
    : [`${what}: ${round(actual)}, between ${least} and ${most}`]
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
