import { parse } from 'yaml'
import { expect, test } from 'vitest'
import { fileLayer, variableFor } from '../../src/config/layers.ts'
import { describeProblem } from '../../src/config/problem.ts'
import { CONFIG_SCHEMA, toConfigFile } from '../../src/config/schema.ts'
import { describePath, visit } from '../../src/config/schema-node.ts'
import { renderConfigurationPage } from '../../tools/generated/configuration.ts'
import { readProjectFile } from '../support/project.ts'

const PAGE = readProjectFile('docs/configuration.md')

/** The YAML blocks of a page. */
function yamlBlocks(page: string): readonly string[] {
  return [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
}

test.each(['docs/configuration.md', 'docs/design/product.md'])(
  'every configuration that %s shows can be used',
  (page) => {
    const blocks = yamlBlocks(readProjectFile(page))

    expect(blocks.length).toBeGreaterThan(0)
    for (const block of blocks) {
      // The page may leave out what stands in a URI.
      const { problems } = fileLayer(block.replaceAll('…', 'x'), 'countersign.yaml')
      expect(problems.map(describeProblem)).toEqual([])
    }
  },
)

test('docs/configuration.md has every setting, and every one has a meaning', () => {
  const value = { keys: { NAME: {} }, access: { issuers: [{}] } }
  const settings = [...visit(CONFIG_SCHEMA, value)]
    .filter(({ node, path }) => node.type !== 'object' && path.at(-1) !== '0')
    .map(({ path }) => describePath(path).replace('[0]', '[]'))

  expect(settings.length).toBeGreaterThan(15)
  for (const setting of settings) {
    expect(PAGE).toMatch(
      new RegExp(
        `^\\| \`${setting.replace('[]', '\\[\\]')}\`( \\(needed\\))? +\\| [A-Z].{10,}`,
        'm',
      ),
    )
  }
})

test('the examples of the schema fit the schema', () => {
  const places = [...visit(CONFIG_SCHEMA, { keys: { a: {} } })].filter(
    ({ node, path }) => node.examples !== undefined && path[0] !== 'keys',
  )
  for (const { path, node } of places) {
    for (const example of node.examples ?? []) {
      const value = path.reduceRight<unknown>((below, name) => ({ [name]: below }), example)
      expect(toConfigFile(value), describePath(path)).toBe(value)
    }
  }
})

test('the JSON Schema in docs is about every setting', () => {
  const schema = parse(readProjectFile('docs/countersign.schema.json')) as {
    properties: Record<string, unknown>
  }

  expect(Object.keys(schema.properties)).toEqual(Object.keys(CONFIG_SCHEMA.properties ?? {}))
})

test('a page without the marks cannot be rendered', () => {
  expect(() => renderConfigurationPage('# Configuration')).toThrow('docs/configuration.md')
})

test('a variable has the name of its setting', () => {
  expect(variableFor(['registry', 'plainHttp'])).toBe('COUNTERSIGN_REGISTRY_PLAIN_HTTP')
})
