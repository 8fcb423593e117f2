import { expect, test } from 'vitest'
import { readLoggedVersion } from '../../src/log/logged-version.ts'
import { codeOfAsync } from '../support/errors.ts'

test('a version with more index entries than possible is not read in part', async () => {
  const made = {
    find: (_label: string, { limit }: { readonly limit: number }) =>
      Promise.resolve(Array.from({ length: limit }, (_, place) => limit - place)),
    entries: () => Promise.resolve([]),
  }

  expect(await codeOfAsync(() => readLoggedVersion(made, 'kid'))).toBe('ERR_LOG_PROOF_INVALID')
})
