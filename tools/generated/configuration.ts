import { variableFor } from '../../src/config/layers.ts'
import { FORMS } from '../../src/config/forms.ts'
import { CONFIG_SCHEMA } from '../../src/config/schema.ts'
import {
  entrySchema,
  isSettable,
  type Path,
  type SchemaNode,
} from '../../src/config/schema-node.ts'
import type { GeneratedFile } from './generated-file.ts'

/** docs/configuration.md: prose by people, the settings by the schema. */
export const configurationPage: GeneratedFile = {
  path: 'docs/configuration.md',
  render: renderConfigurationPage,
}

/** docs/countersign.schema.json: the schema for editors. */
export const configurationSchema: GeneratedFile = {
  path: 'docs/countersign.schema.json',
  render: () => JSON.stringify(toJsonSchema(), null, 2),
}

const BEGIN = '<!-- settings: written by npm run generate -->'
const END = '<!-- end of settings -->'

/** Rewrites what stands between the two marks. */
export function renderConfigurationPage(current: string): string {
  const [before, rest] = current.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) {
    throw new Error(`docs/configuration.md has no ${BEGIN} … ${END}`)
  }
  return `${before}${BEGIN}\n\n${sections().join('\n\n')}\n\n${END}${after}`
}

function sections(): readonly string[] {
  const { properties = {} } = CONFIG_SCHEMA
  const alone = Object.entries(properties).filter(([, node]) => node.type !== 'object')
  const grouped = Object.entries(properties).filter(([, node]) => node.type === 'object')
  return [
    table(alone.flatMap(([name, node]) => rows([name], node, CONFIG_SCHEMA))),
    ...grouped.flatMap(([name, node]) => [
      `### \`${name}\``,
      node.description ?? '',
      table(rows([name], node)),
    ]),
  ]
}

function table(lines: readonly string[]): string {
  const head = [
    '| setting | meaning | value | default | variable |',
    '| --- | --- | --- | --- | --- |',
  ]
  return [...head, ...lines].join('\n')
}

/** A row for each setting at or below a place. */
function rows(path: Path, node: SchemaNode, parent: SchemaNode = {}): readonly string[] {
  const entry = entrySchema(node)
  if (entry !== undefined) return rows([...path, '*NAME*'], entry)
  const items = node.items?.properties === undefined ? undefined : node.items
  const children = Object.entries((items ?? node).properties ?? {})
  const parentPath = items === undefined ? path : [...path.slice(0, -1), `${path.at(-1) ?? ''}[]`]
  const below = children.flatMap(([name, child]) =>
    rows([...parentPath, name], child, items ?? node),
  )
  const isMapping = node.type === 'object' && node.properties !== undefined
  return isMapping ? below : [row(path, node, parent), ...below]
}

function row(path: Path, node: SchemaNode, parent: SchemaNode): string {
  const name = path.join('.').replaceAll('*', '')
  const isRequired = parent.required?.includes(path.at(-1) ?? '') === true
  const isOneOfMany = path.some((part) => /[*[]/.test(part))
  const cells = [
    `\`${name}\`${isRequired ? ' (needed)' : ''}`,
    node.description ?? '',
    values(node),
    node.default === undefined ? '' : `\`${text(node.default)}\``,
    isSettable(node) && !isOneOfMany ? `\`${variableFor(path)}\`` : '',
  ]
  return `| ${cells.join(' | ')} |`
}

function values(node: SchemaNode): string {
  const { items, form, examples = [] } = node
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ')
  const what = form === undefined ? (TYPES[node.type ?? ''] ?? 'a text') : FORMS[form].expected
  const bounds = boundsOf(node)
  const shown = examples.map((example) => `\`${JSON.stringify(example).replaceAll('"', '')}\``)
  const example = shown.length === 0 ? '' : `; such as ${shown.join(' or ')}`
  if (items === undefined) return `${what}${bounds}${example}`
  return items.properties === undefined
    ? `a list: ${values(items)}${example}`
    : 'a list of mappings'
}

function boundsOf({ least, most, minimum, maximum }: SchemaNode): string {
  const [low, high] = [least ?? minimum, most ?? maximum]
  return low === undefined || high === undefined ? '' : `, from ${low} to ${high}`
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const TYPES: Readonly<Record<string, string>> = {
  boolean: '`true` or `false`',
  integer: 'a whole number',
  object: 'a mapping',
}

function toJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'countersign.yaml',
    ...withoutOurs(CONFIG_SCHEMA),
  }
}

/** Takes out the keywords no editor knows. */
function withoutOurs(value: unknown): object {
  const ours = ['form', 'least', 'most']
  const replacer = (name: string, member: unknown): unknown =>
    ours.includes(name) ? undefined : member
  return JSON.parse(JSON.stringify(value, replacer)) as object
}
