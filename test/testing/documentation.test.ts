import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { documentedFiles } from '../../tools/check/documented-files.ts'
import { PROJECT, readProjectFile } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

test('the example of the page tests its action, and fails with an action that is broken', () => {
  const folder = createTempFolder()
  const door = pathToFileURL(join(PROJECT, 'src/testing.ts')).href
  const [action, itsTest] = documentedFiles(readProjectFile('docs/testing-actions.md'))
  const write = (file = { name: '', text: '' }): void => {
    writeFileSync(join(folder, file.name), file.text.replace('countersign/testing', door))
  }
  const run = (): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['--test', 'action.test.js'], { cwd: folder })
  write({ name: 'package.json', text: '{"type":"module"}' })
  write(action)
  write(itsTest)

  const good = run()
  write({ name: 'action.js', text: '' })
  const bad = run()

  expect(good.status, String(good.stdout)).toBe(0)
  expect(bad.status).toBe(1)
})
