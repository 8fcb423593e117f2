import { createHttpServer } from '../../src/service/http/server.ts'
import type { ServiceContext } from '../../src/service/context.ts'
import type { GeneratedFile } from './generated-file.ts'

/** docs/http-api.md: prose by people, the routes by their schemas. */
export const httpApiPage: GeneratedFile = { path: 'docs/http-api.md', render: renderHttpApiPage }

const BEGIN = '<!-- routes: written by npm run generate -->'
const END = '<!-- end of routes -->'

/** As much of OpenAPI as the page shows. */
interface Schema {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

/** Rewrites what stands between the two marks. */
async function renderHttpApiPage(current: string): Promise<string> {
  const [before, rest] = current.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) {
    throw new Error(`docs/http-api.md has no ${BEGIN} … ${END}`)
  }
  return `${before}${BEGIN}\n\n${(await sections()).join('\n\n')}\n\n${END}${after}`
}

/** The description needs the routes alone: nothing behind them is touched before a request. */
async function readOperations(): Promise<readonly (readonly [string, Operation])[]> {
  const settings = {
    issuer: 'https://sign.example.com',
    maxBodyBytes: 1,
    requestTimeoutMs: 1,
    maxConcurrent: 1,
    maxQueue: 1,
    requestsPerMinute: 1,
    failuresPerMinute: 1,
    idempotencySeconds: 1,
  }
  const app = await createHttpServer({ settings } as ServiceContext)
  await app.ready()
  const { paths } = JSON.parse(JSON.stringify(app.swagger())) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  await app.close()
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  )
}

async function sections(): Promise<readonly string[]> {
  const operations = await readOperations()
  const tags = [...new Set(operations.map(([, { tags }]) => tags?.[0] ?? 'other'))]
  return tags.flatMap((tag) => [
    `## ${tag.slice(0, 1).toUpperCase()}${tag.slice(1)}`,
    ...operations
      .filter(([, { tags }]) => (tags?.[0] ?? 'other') === tag)
      .flatMap(([name, operation]) => describe(name, operation)),
  ])
}

function describe(name: string, operation: Operation): readonly string[] {
  const { summary = '', description, parameters = [], security } = operation
  const isOpen = security?.length === 0
  return [
    `### ${name}`,
    `${summary}${isOpen ? ' Needs no authentication.' : ''}`,
    ...(description === undefined ? [] : [description]),
    ...table('Parameter', parameters.map(parameterRow)),
    ...table('Body', membersOf(operation.requestBody?.content)),
    ...table('Answer', membersOf(operation.responses['200']?.content)),
  ]
}

/** Members of JSON; other media types have none. */
function membersOf(
  content: Readonly<Record<string, { readonly schema: Schema }>> | undefined,
): readonly Row[] {
  const schema = content?.['application/json']?.schema
  return schema === undefined ? [] : memberRows(schema)
}

type Row = readonly [name: string, type: string, isNeeded: boolean, meaning: string]

function table(title: string, rows: readonly Row[]): readonly string[] {
  if (rows.length === 0) return []
  const lines = rows.map(
    ([name, type, isNeeded, meaning]) =>
      `| \`${name}\` | ${type} | ${isNeeded ? 'yes' : ''} | ${meaning.replaceAll('|', '\\|')} |`,
  )
  return [
    [`| ${title} | type | always | meaning |`, '| --- | --- | --- | --- |', ...lines].join('\n'),
  ]
}

function parameterRow({ name, description, required, schema, ...place }: Parameter): Row {
  const meaning = description ?? schema.description ?? ''
  return [name, `${typeOf(schema)} (${place.in})`, required === true, meaning]
}

/** A row for each member at any depth; those of either form of a choice, once. */
function memberRows(schema: Schema, prefix = ''): readonly Row[] {
  const forms = schema.anyOf ?? [schema]
  const rows = forms.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).flatMap(([name, member]): readonly Row[] => {
      const path = `${prefix}${name}`
      const isNeeded = forms.length === 1 && required.includes(name)
      const row: Row = [path, typeOf(member), isNeeded, member.description ?? '']
      if (name === 'problem') return [row]
      const inner = member.items ?? member
      return [row, ...memberRows(inner, member.items === undefined ? `${path}.` : `${path}[].`)]
    }),
  )
  return rows.filter(([name], place) => rows.findIndex(([other]) => other === name) === place)
}

function typeOf({ type, enum: choices, items, anyOf }: Schema): string {
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(', ')
  if (items !== undefined) return `list of ${typeOf(items)}`
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(' or ')
  return type ?? 'any'
}
