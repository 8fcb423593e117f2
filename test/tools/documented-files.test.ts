import { expect, test } from 'vitest'
import { documentedFiles } from '../../tools/check/documented-files.ts'
import { readProjectFile } from '../support/project.ts'

test('only blocks that name a JavaScript file in their first line are files', () => {
  const text = '```js\n// a.js\none\n```\n\n```js\ntwo\n```\n\n```sh\n// b.js\n```\n'

  expect(documentedFiles(text)).toEqual([{ name: 'a.js', text: '// a.js\none\n' }])
})

test('claims that docs/testing-actions.md gives an issuer have a subject', () => {
  const files = documentedFiles(readProjectFile('docs/testing-actions.md'))
  const claims = files.flatMap(({ text }) => [...text.matchAll(/const claims = (\{.*?\})/gs)])

  expect(claims).not.toEqual([])
  for (const [, object] of claims) expect(object).toMatch(/\bsub: '/)
})
