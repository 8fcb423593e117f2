import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findNewSyntax } from '../../tools/check/old-syntax.ts'
import { createTempFolder } from '../support/temp-folder.ts'

test('new syntax is found in a module and in what it imports, not in what it imports late', async () => {
  const folder = createTempFolder()
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  write('new.js', 'export const a=b?.c')
  write('old.js', 'export let [a=1]=[2]')

  expect(await findNewSyntax(write('x.js', `import{a}from"./new.js";a`))).toEqual([
    `${folder}/new.js is not parsed by node12.20`,
  ])
  expect(await findNewSyntax(write('y.js', `import"./old.js";import("./new.js")`))).toEqual([])
})
