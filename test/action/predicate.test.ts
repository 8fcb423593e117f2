import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readStepPredicate } from '../../action/predicate.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'

function readSbom(document: unknown): ReturnType<typeof readStepPredicate> {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'sbom.json'), JSON.stringify(document))
  return readStepPredicate(
    { kind: 'sbom', path: 'sbom.json' },
    { env: { GITHUB_WORKSPACE: folder } },
  )
}

test.each([
  [
    'https://spdx.dev/Document/v2.2.1',
    { spdxVersion: 'SPDX-2.2.1', SPDXID: 'SPDXRef-DOCUMENT', name: 'app' },
  ],
  ['https://cyclonedx.org/bom', { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 }],
])('an SBOM of %s is recognized by its content', async (predicateType, predicate) => {
  expect(await readSbom(predicate)).toMatchObject({ predicateType, predicate })
})

test.each([
  ['of no version', { spdxVersion: 'SPDX-x', SPDXID: 'SPDXRef-DOCUMENT' }],
  ['without its identifier', { spdxVersion: 'SPDX-2.3' }],
  ['of another format', { bomFormat: 'SWID', specVersion: '1.6' }],
  ['that is a list', []],
])('an SBOM %s is refused', async (_what, document) => {
  expect(await codeOfAsync(() => readSbom(document))).toBe('ERR_PREDICATE_INVALID')
})

test.each([
  ['an SPDX 3 document', '{"@context":"x","@graph":[]}', 'is SPDX 3, expected SPDX 2'],
  ['a byte order mark', '\uFEFF{"bomFormat":"CycloneDX","specVersion":"1.6"}', 'byte order mark'],
])('%s as an SBOM is called so', async (_what, text, message) => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'sbom.json'), text)
  const choice = { kind: 'sbom', path: 'sbom.json' } as const

  await expect(
    readStepPredicate(choice, { env: { GITHUB_WORKSPACE: folder } }),
  ).rejects.toMatchObject({
    code: 'ERR_PREDICATE_INVALID',
    message: expect.stringContaining(message) as string,
  })
})

test('a predicate is read from the input itself', async () => {
  const choice = { kind: 'text', type: 'https://example.com/t/v1', text: '{"a":1}' } as const

  expect(await readStepPredicate(choice, { env: {} })).toMatchObject({ predicate: { a: 1 } })
})
