/** Holds requests against the schemas of their routes, with the validator the configuration has too. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { CountersignError } from '../../errors.ts'
import { suggestName } from '../../basics/suggest.ts'

/**
 * The plugin. Bodies are taken as they are, nothing is converted or removed; texts of paths and queries
 * become numbers and booleans where the schema says so, and only those that are nothing else.
 */
export const validation: FastifyPluginCallback = fp((app: FastifyInstance, _options, done) => {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart = 'body' }) => {
    const validator = Compile(schema)
    const isText = httpPart === 'params' || httpPart === 'querystring'
    return (received: unknown) => {
      const value = isText ? readTexts(received, schema) : received
      if (validator.Check(value)) return { value }
      return { error: invalidRequest(PARTS[httpPart] ?? httpPart, validator.Errors(value), schema) }
    }
  })
  // Answers are made by us; a serializer that drops what a schema lacks would hide mistakes.
  app.setSerializerCompiler(() => (answer: unknown) => JSON.stringify(answer))
  done()
})

/** A validator would take `1.5` for 1 and `0` for false; a text that is not plainly meant stays one, and fails. */
function readTexts(received: unknown, schema: object): unknown {
  const texts = Object.entries(toObject(received)) as [string, unknown][]
  const properties = member(schema, 'properties')
  return Object.fromEntries(
    texts.map(([name, text]) => [name, readText(text, member(member(properties, name), 'type'))]),
  )
}

function readText(text: unknown, type: unknown): unknown {
  if (typeof text !== 'string') return text
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

const PARTS: Readonly<Partial<Record<string, string>>> = {
  params: 'path',
  querystring: 'query',
}

/** Makes the error of the mistake that says most; of the value only names of members are quoted. */
function invalidRequest(
  part: string,
  errors: readonly TLocalizedValidationError[],
  schema: object,
): CountersignError {
  const error =
    errors.find(({ keyword }) => keyword === 'additionalProperties') ??
    errors.find(({ keyword }) => keyword !== 'boolean' && keyword !== 'anyOf') ??
    errors[0]
  const path = error?.instancePath ?? ''
  const { message, hint } = describe(error, schema)
  return new CountersignError('ERR_REQUEST_INVALID', `${part}${path}: ${message}`, {
    hint: hint ?? 'see /openapi.json for what the service takes',
    details: { path },
  })
}

interface Complaint {
  readonly message: string
  readonly hint?: string | undefined
}

function describe(error: TLocalizedValidationError | undefined, schema: object): Complaint {
  if (error?.keyword === 'additionalProperties') {
    const [name = ''] = error.params.additionalProperties
    return unknownMember(name, membersAt(schema, error.schemaPath))
  }
  if (error?.keyword === 'required') {
    return { message: `"${error.params.requiredProperties.join('", "')}" is missing` }
  }
  if (error?.keyword === 'enum') {
    return { message: `expected one of ${error.params.allowedValues.map(String).join(', ')}` }
  }
  return { message: error?.message ?? 'not what this route takes' }
}

/** The name is attacker-controlled: it is cut, and escaped as JSON. */
function unknownMember(name: string, known: readonly string[]): Complaint {
  const nearest = suggestName(name, known)
  const hint =
    nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean "${nearest}"?`
  return { message: `unknown member ${JSON.stringify(name.slice(0, 64))}`, hint }
}

/** Names of the members of the schema at a JSON Pointer. */
function membersAt(schema: object, schemaPath: string): readonly string[] {
  const names = schemaPath.split('/').slice(1)
  const node = names.reduce<unknown>(member, schema)
  return Object.keys(toObject(member(node, 'properties')))
}

function member(node: unknown, name: string): unknown {
  return Object.entries(toObject(node)).find(([known]) => known === name)?.[1]
}

function toObject(node: unknown): object {
  return typeof node === 'object' && node !== null ? node : {}
}
