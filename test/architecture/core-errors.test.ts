import ts from 'typescript'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../cli/commands.ts'
import { ERROR_REASONS } from '../../src/errors.ts'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

/** Rooms whose texts are for people at a terminal or a page. */
const SURFACES = [
  // Descriptions of settings, of which docs/configuration.md is made.
  'src/config/sections/',
  'src/console/',
]

const COMMAND = new RegExp(`\\bcountersign (?:${Object.keys(COMMANDS).join('|')})\\b`)
const OPTION = /(?:^|[\s(])--[a-z]/
/** Commands of other programs, which an operator has wherever the error is shown. */
const FOREIGN =
  /\b(?:pkcs11-tool|softhsm2-util|aws [a-z0-9-]+|gcloud (?:auth|kms|services)|az (?:keyvault|role)|cosign (?:public-key|verify))\b.*|^(?:…| )? ?--(?:key-id|region|profile|module|token-label|hsm-name|vault-name|version|enabled|ops|output|resource|tenant)\b.*/

const SOURCES = listProjectFiles('src/**/*.ts').filter(
  (path) => !SURFACES.some((room) => path.startsWith(room)),
)

/** Every text that a module holds: literals, and templates with `…` for what is filled in. */
function textsOf(path: string, source: string): readonly string[] {
  const texts: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push(node.text)
    if (ts.isTemplateExpression(node)) {
      texts.push(
        [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…'),
      )
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest))
  return texts
}

function typedIn(path: string, source = readProjectFile(path)): readonly string[] {
  return textsOf(path, source)
    .map((text) => text.replace(FOREIGN, ''))
    .filter((text) => COMMAND.test(text) || OPTION.test(text))
    .map((text) => `${path}: ${text}`)
}

test('no text of the core names an option or a command of ours', () => {
  expect(SOURCES.length).toBeGreaterThan(100)
  expect(SOURCES.flatMap((path) => typedIn(path))).toEqual([])
})

test.each([
  [`const hint = 'give --key or --trust'`],
  ['const hint = `list them: countersign key show ${name}`'],
  ['const hint = `for ${name}, give --type ${type}`'],
  [`const hint = 'make a key first (countersign key create)'`],
])('a text that names one is found: %s', (source) => {
  expect(typedIn('src/any.ts', source)).toHaveLength(1)
})

test('docs/errors.md has one row for each reason, in the order of the code', () => {
  const [, section = ''] = readProjectFile('docs/errors.md').split('\n## Reasons\n')
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))

  expect(rows.map((row) => row.split('`')[1])).toEqual([...ERROR_REASONS])
})

test('every reason is given by an error', () => {
  const texts = new Set(
    SOURCES.filter((path) => path !== 'src/errors.ts').flatMap((path) =>
      textsOf(path, readProjectFile(path)),
    ),
  )

  expect(ERROR_REASONS.filter((reason) => !texts.has(reason))).toEqual([])
})
