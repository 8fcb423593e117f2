import { expect, test } from 'vitest'
import type { ResultDocument } from '../../src/verification/result.ts'
import { countersign, documentOf } from '../support/cli.ts'
import { describeVectors, readVectorJson, vectorPath } from '../support/vectors.ts'

interface ConformanceCase {
  readonly id: string
  readonly expect: 'pass' | 'fail'
  readonly args_offline: readonly string[]
  readonly file: string
  readonly digest?: string
}

const PATH_OPTIONS = ['--bundle', '--key', '--trusted-root']

describeVectors('sigstore-conformance', () => {
  const { cases, supplementary_cases } = readVectorJson<{
    readonly cases: readonly ConformanceCase[]
    readonly supplementary_cases: readonly ConformanceCase[]
  }>('sigstore-conformance/cases.json')
  const at = (path: string): string => vectorPath(`sigstore-conformance/${path}`)
  const runs = [...cases, ...supplementary_cases].flatMap((item) => [
    { ...item, form: 'path', artifact: at(item.file) },
    ...(item.digest === undefined ? [] : [{ ...item, form: 'digest', artifact: item.digest }]),
  ])

  test.each(runs)('countersign conformance, $id by $form: $expect', async (run) => {
    const args = run.args_offline.map((word, index, words) =>
      PATH_OPTIONS.includes(words[index - 1] ?? '') ? at(word) : word,
    )

    const result = await countersign(['conformance', ...args, run.artifact, '--json'])

    const document = documentOf<ResultDocument>(result)
    expect(document.ok).toBe(run.expect === 'pass')
    expect(document.exitCode).toBe(result.exitCode)
    const code = document.artifacts[0]?.error?.code
    if (run.expect === 'pass') expect(result.exitCode).toBe(0)
    else expect(code).toMatch(/^ERR_(?!INTERNAL|USAGE|FILE_READ)/)
  })
})
