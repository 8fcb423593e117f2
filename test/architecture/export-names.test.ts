import { expect, test } from 'vitest'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

const EXPORT =
  /^export (?:async |abstract |declare )*(?:function\*?|const|class|interface|type|enum) (\w+)/gm

/** Every command is built by the function of this name in its own module. */
const CONVENTIONS = ['createCommand']

/** Names that are declared and exported in more than one module, each with its modules. */
function exportedTwice(modules: ReadonlyMap<string, string>): readonly string[] {
  const places = [...modules].flatMap(([path, text]) => {
    const names = [...text.matchAll(EXPORT)].map(([, name = '']) => name)
    return [...new Set(names)].map((name) => ({ name, path }))
  })
  return [...Map.groupBy(places, ({ name }) => name)]
    .filter(([name, found]) => found.length > 1 && !CONVENTIONS.includes(name))
    .map(([name, found]) => `${name}: ${found.map(({ path }) => path).join(', ')}`)
}

test('a name that two modules export is found', () => {
  const modules = new Map([
    ['a.ts', 'export interface Token {}\nexport const one = 1'],
    ['b.ts', 'export async function other() {}\nexport type Token = string'],
  ])

  expect(exportedTwice(modules)).toEqual(['Token: a.ts, b.ts'])
})

test('no name is exported by two modules: one word, one meaning', () => {
  const paths = listProjectFiles('src/**/*.ts', 'cli/**/*.ts', 'action/*.ts')
  const modules = new Map(paths.map((path) => [path, readProjectFile(path)]))

  expect(exportedTwice(modules)).toEqual([])
})
