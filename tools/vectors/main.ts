// `npm run vectors [FORMAT…]`: makes the vectors in testdata/vectors, asks other implementations for every verdict,
// and writes who confirmed it. The same keys make the same files; keys that are there are never made again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { VectorCase } from '../../test/support/own-vectors.ts'
import { OWN_VECTORS, ownPublicKey } from '../../test/support/own-vectors.ts'
import { type Confirmer, openConfirmers, type Task } from './confirm.ts'
import { makeMissingKeys } from './keys.ts'
import type { MadeCase, MadeGroup, Maker } from './made.ts'
import { MAKERS } from './makers.ts'

async function main(formats: readonly string[]): Promise<void> {
  makeMissingKeys()
  mkdirSync(OWN_VECTORS, { recursive: true })
  const confirmers = openConfirmers()
  try {
    for (const maker of MAKERS) {
      if (formats.length > 0 && !formats.includes(maker.format)) continue
      await makeFile(maker, confirmers.all)
    }
  } finally {
    confirmers.close()
  }
}

async function makeFile(maker: Maker, confirmers: readonly Confirmer[]): Promise<void> {
  const groups = await maker.make()
  const tasks = groups.flatMap((group) => group.cases.map((one) => taskOf(group, one)))
  const answers = await Promise.all(
    confirmers.map(async ({ judge, name }) => ({ name, given: await judge(tasks) })),
  )
  const verdicts = tasks.map((task, index) => {
    const opinions = answers.map(({ name, given }) => [name, given[index] ?? null] as const)
    const by = (verdict: unknown): readonly string[] =>
      opinions.filter(([, opinion]) => opinion === verdict).map(([name]) => name)
    return { confirmedBy: by(task['valid']), contradictedBy: by(task['valid'] !== true) }
  })
  const used = new Set(
    verdicts.flatMap(({ confirmedBy, contradictedBy }) => [...confirmedBy, ...contradictedBy]),
  )
  const head = {
    format: maker.format,
    made: maker.made,
    confirmers: Object.fromEntries(
      confirmers.filter(({ name }) => used.has(name)).map(({ name, version }) => [name, version]),
    ),
  }
  const confirmed = confirm(groups, verdicts)
  writeFileSync(join(OWN_VECTORS, `${maker.format}.json`), serialize(head, confirmed))
  report(
    maker.format,
    confirmed.flatMap(({ cases }) => cases),
  )
}

function taskOf({ algorithm, form, key, kind }: MadeGroup, one: MadeCase): Task {
  const spki =
    key === undefined
      ? undefined
      : ownPublicKey(key).export({ type: 'spki', format: 'der' }).toString('hex')
  return { algorithm, form, spki, ...one, kind }
}

type Verdict = Pick<VectorCase, 'confirmedBy' | 'contradictedBy'>

interface ConfirmedGroup {
  readonly cases: readonly VectorCase[]
}

/** Joins cases and verdicts; where others say otherwise, a case must name its rule. */
function confirm(
  groups: readonly MadeGroup[],
  verdicts: readonly Required<Verdict>[],
): readonly ConfirmedGroup[] {
  const rest = [...verdicts]
  const open: string[] = []
  const confirmed = groups.map(({ cases, group, key, algorithm, form }) => ({
    group,
    key,
    algorithm,
    form,
    cases: cases.map((one) => {
      const { confirmedBy = [], contradictedBy = [] } = rest.shift() ?? {}
      const isSettled = confirmedBy.length > 0 && contradictedBy.length === 0
      if (!isSettled && one.rule === undefined) {
        const others = contradictedBy.join(', ') || 'no other implementation'
        open.push(
          `${group}, ${one.id} (${one.comment}): expected valid ${one.valid}, got otherwise from ${others}`,
        )
      }
      return { ...one, confirmedBy, ...(contradictedBy.length > 0 && { contradictedBy }) }
    }),
  }))
  if (open.length > 0)
    throw new Error(`verdicts without a confirmation or a rule:\n${open.join('\n')}`)
  return confirmed
}

/** One case a line: readable, and a change of one case is a change of one line. */
function serialize(head: object, groups: readonly ConfirmedGroup[]): string {
  const written = groups.map(({ cases, ...group }) => {
    const lines = cases.map((one) => `      ${JSON.stringify(one)}`).join(',\n')
    return `    ${JSON.stringify(group).slice(0, -1)},"cases":[\n${lines}\n    ]}`
  })
  const top = JSON.stringify(head, undefined, 2).slice(0, -2)
  return `${top},\n  "groups": [\n${written.join(',\n')}\n  ]\n}\n`
}

function report(format: string, cases: readonly VectorCase[]): void {
  const valid = cases.filter((one) => one.valid).length
  const contradicted = cases.filter(({ contradictedBy = [] }) => contradictedBy.length > 0).length
  console.log(
    `${format}: ${valid} accepted, ${cases.length - valid} refused, ${contradicted} where others are more lenient`,
  )
}

await main(process.argv.slice(2))
