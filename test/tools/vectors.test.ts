import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAKERS } from '../../tools/vectors/makers.ts'
import { OWN_VECTORS, readOwnVectors } from '../support/own-vectors.ts'

const MAX_SET_BYTES = 2_000_000

test('every file of vectors has a maker, and they stay small', () => {
  const files = readdirSync(OWN_VECTORS)

  expect(files.toSorted()).toEqual(MAKERS.map(({ format }) => `${format}.json`).toSorted())
  const bytes = files.map((file) => statSync(join(OWN_VECTORS, file)).size)
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_SET_BYTES)
})

describe.each(MAKERS)('$format', ({ format, make }) => {
  const file = readOwnVectors(format)
  const cases = file.groups.flatMap((group) => group.cases)

  test('some cases are accepted and some refused', () => {
    expect(new Set(cases.map(({ valid }) => valid))).toEqual(new Set([true, false]))
  })

  test('every verdict is confirmed by others, or names the rule where they are more lenient', () => {
    const open = cases.filter(
      ({ confirmedBy, contradictedBy = [], rule }) =>
        rule === undefined && (confirmedBy.length === 0 || contradictedBy.length > 0),
    )
    const named = new Set(cases.flatMap(({ confirmedBy }) => confirmedBy))

    expect(open).toEqual([])
    expect(Object.keys(file.confirmers)).toEqual(expect.arrayContaining([...named]))
  })

  test('every case has an id of its own', () => {
    for (const { cases: group } of file.groups) {
      const ids = group.map(({ id }) => id)
      expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
    }
  })

  test('made again, it is the same', async () => {
    const made = (await make()).map(({ kind, ...group }) => {
      expect(kind).not.toBe('')
      return group
    })
    const written = file.groups.map((group) => ({
      ...group,
      cases: group.cases.map(({ confirmedBy, contradictedBy, ...one }) => {
        expect(confirmedBy.length + (contradictedBy?.length ?? 0)).toBeGreaterThan(0)
        return one
      }),
    }))

    expect(written).toEqual(JSON.parse(JSON.stringify(made)))
  })
})
