/** Holds a value against the schema, and says of every mistake what it is, where, and what was meant. */
import type { TLocalizedValidationError } from 'typebox/error'
import { CountersignError } from '../errors.ts'
import type { KeyUse } from '../keys/key.ts'
import { createRotationPolicy } from '../keys/policy.ts'
import { DEFAULTS } from './defaults.ts'
import { FORMS } from './forms.ts'
import { suggestName } from '../basics/suggest.ts'
import type { Origin } from './origin.ts'
import type { ConfigProblem } from './problem.ts'
import { inRegions } from '../providers/provider-reference.ts'
import { toRotationOverrides } from './rotation.ts'
import type { KeyEntry } from './sections/key.ts'
import { CONFIG_SCHEMA, schemaErrors, toConfigFile } from './schema.ts'
import { toKeyHistorySettings } from './service-settings.ts'
import { witnessMistakes } from './witness-mistakes.ts'
import {
  describePath,
  entrySchema,
  isMapping,
  own,
  type Path,
  schemaAt,
  valueAt,
  visit,
} from './schema-node.ts'

/** More than a person reads at once; each is looked up in the file, and compared with all names there are. */
const MAX_MISTAKES = 100

/** Finds every mistake in a value of any type; none means that it is a ConfigFile. */
export function findMistakes(
  value: unknown,
  locate: (path: Path) => Origin,
): readonly ConfigProblem[] {
  const mistakes = [
    ...schemaErrors(value)
      .slice(0, MAX_MISTAKES)
      .flatMap((error) => toMistakes(value, error)),
    ...formMistakes(value),
    ...useMistakes(value),
    ...logKeyMistakes(value),
    ...rotationMistakes(value),
    ...regionMistakes(value),
    ...keyHistoryMistakes(value),
    ...issuerMistakes(value),
    ...logMistakes(value),
  ]
  return mistakes
    .slice(0, MAX_MISTAKES)
    .map(({ path, ...said }) => ({ path: describePath(path), ...said, origin: locate(path) }))
    .toSorted((a, b) => placeOf(a) - placeOf(b))
}

interface Mistake {
  readonly path: Path
  readonly message: string
  readonly hint?: string
}

/** Errors follow the schema's order; people read from the top of the file. */
function placeOf({ origin }: ConfigProblem): number {
  return origin.kind === 'file' ? origin.line * 1e4 + origin.column : 0
}

function toMistakes(value: unknown, error: TLocalizedValidationError): readonly Mistake[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  if (error.keyword === 'additionalProperties') {
    return error.params.additionalProperties
      .slice(0, MAX_MISTAKES)
      .map((name) => unknownName(path, name))
  }
  if (error.keyword === 'required') {
    const missing = error.params.requiredProperties
    return missing.map((name) => ({ path, message: `"${name}" is missing` }))
  }
  if (error.keyword === 'enum') {
    return [choiceMistake(path, valueAt(value, path), error.params.allowedValues.map(String))]
  }
  if (error.keyword === 'type') return [typeMistake(path, valueAt(value, path))]
  if (error.keyword === 'minimum' || error.keyword === 'maximum') {
    return [outOfBounds(path, valueAt(value, path))]
  }
  if (error.keyword === 'minLength') return [{ path, message: 'the text is empty' }]
  // Goes with each additionalProperties.
  if (error.keyword === 'boolean') return []
  // Said better by the form, where there is one.
  if (error.keyword === 'pattern' && schemaAt(CONFIG_SCHEMA, path)?.form !== undefined) return []
  return [{ path, message: error.message }]
}

function unescapePointer(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~')
}

function unknownName(parent: Path, name: string): Mistake {
  const path = [...parent, name]
  const node = schemaAt(CONFIG_SCHEMA, parent) ?? {}
  if (entrySchema(node) !== undefined) {
    return {
      path,
      message: `"${name}" is no name for a key`,
      hint: 'a name is made of lower-case letters, digits, - and _, and begins with a letter',
    }
  }
  const known = Object.keys(node.properties ?? {})
  const nearest = suggestName(name, known)
  const hint =
    nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean "${nearest}"?`
  return { path, message: `unknown setting "${name}"`, hint }
}

function typeMistake(path: Path, value: unknown): Mistake {
  const { type = 'object', form } = schemaAt(CONFIG_SCHEMA, path) ?? {}
  const expected = form === undefined ? (TYPES[type] ?? type) : FORMS[form].expected
  return { path, message: `expected ${expected}; found ${describeType(value)}` }
}

function outOfBounds(path: Path, value: unknown): Mistake {
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schemaAt(CONFIG_SCHEMA, path) ?? {}
  return { path, message: `${String(value)} is not within ${minimum} to ${maximum}` }
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  string: 'a text',
}

function describeType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return TYPES[Array.isArray(value) ? 'array' : typeof value] ?? 'something else'
}

function describeValue(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : describeType(value)
}

function choiceMistake(path: Path, value: unknown, allowed: readonly string[]): Mistake {
  const message = `expected one of ${allowed.join(', ')}; found ${describeValue(value)}`
  const nearest = typeof value === 'string' ? suggestName(value, allowed) : undefined
  return nearest === undefined
    ? { path, message }
    : { path, message, hint: `did you mean "${nearest}"?` }
}

function formMistakes(value: unknown): readonly Mistake[] {
  return [...visit(CONFIG_SCHEMA, value)].flatMap(({ path, node, value: text }) => {
    if (node.form === undefined || typeof text !== 'string') return []
    const complaint = FORMS[node.form].check(text, node)
    return complaint === undefined ? [] : [{ path, ...complaint }]
  })
}

/** Settings that only keys of some uses have. */
const SETTINGS_OF_USES: Readonly<Record<string, readonly KeyUse[]>> = {
  maxTokenLifetime: ['token'],
  tokenType: ['token'],
  claims: ['token'],
  timestamps: ['artifact', 'digest'],
}

function useMistakes(value: unknown): readonly Mistake[] {
  const keys = own(value, 'keys')
  if (!isMapping(keys)) return []
  return Object.entries(keys).flatMap(([name, key]) =>
    Object.entries(SETTINGS_OF_USES).flatMap(([setting, uses]) => {
      const use = own(key, 'use')
      if (own(key, setting) === undefined || uses.some((each) => each === use)) return []
      const message = `only a key whose use is ${uses.join(' or ')} has this setting`
      return [{ path: ['keys', name, setting], message }]
    }),
  )
}

/** Found with the first checkpoint, the key would be on record with an algorithm that never changes. */
function logKeyMistakes(value: unknown): readonly Mistake[] {
  const keys = own(value, 'keys')
  if (!isMapping(keys)) return []
  return Object.entries(keys).flatMap(([name, key]) => {
    const algorithm = own(key, 'algorithm')
    const use = own(key, 'use')
    if ((use !== 'log' && use !== 'audit') || algorithm === undefined) return []
    if (algorithm === DEFAULTS.logAlgorithm) return []
    const message = `expected ${DEFAULTS.logAlgorithm} for the key of a log; found ${describeValue(algorithm)}`
    return [{ path: ['keys', name, 'algorithm'], message, hint: 'or leave it out' }]
  })
}

/** The quantities of rotation must also go together; what is wrong with one alone is said already. */
function rotationMistakes(value: unknown): readonly Mistake[] {
  return keyMistakes(value, 'rotation', (key) => {
    createRotationPolicy(key.use, toRotationOverrides(key))
  })
}

/** Not every provider has regions, and a reference may name them itself. */
function regionMistakes(value: unknown): readonly Mistake[] {
  return keyMistakes(value, 'regions', ({ provider, regions }) => {
    if (regions !== undefined) inRegions(provider, regions)
  })
}

function keyMistakes(
  value: unknown,
  setting: string,
  check: (key: KeyEntry) => void,
): readonly Mistake[] {
  const { keys = {} } = toConfigFile(value) ?? {}
  if (formMistakes(value).length > 0) return []
  return Object.entries(keys).flatMap(([name, key]) => {
    try {
      check(key)
      return []
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      const { message, hint } = error
      const path = ['keys', name, setting]
      return [hint === undefined ? { path, message } : { path, message, hint }]
    }
  })
}

/** Keys in a file are fetched from nowhere, so an address or a login for them would promise what does not happen. */
function issuerMistakes(value: unknown): readonly Mistake[] {
  const issuers = toConfigFile(value)?.access?.issuers ?? []
  return issuers.flatMap(({ jwks, ...issuer }, place) =>
    (['jwksUri', 'tokenFile'] as const)
      .filter((setting) => jwks !== undefined && issuer[setting] !== undefined)
      .map((setting) => ({
        path: ['access', 'issuers', String(place), setting],
        message: 'has no effect where jwks names a file with the keys',
        hint: `leave out jwks or ${setting}`,
      })),
  )
}

/** Who is offline knows no more than who is not: what expires for the one counts no less for the other. */
function logMistakes(value: unknown): readonly Mistake[] {
  const { log } = toConfigFile(value) ?? {}
  return log === undefined || formMistakes(value).length > 0 ? [] : witnessMistakes(log)
}

function keyHistoryMistakes(value: unknown): readonly Mistake[] {
  const { keyHistory } = toConfigFile(value) ?? {}
  if (keyHistory === undefined || formMistakes(value).length > 0) return []
  const { expiresSeconds, offlineSeconds } = toKeyHistorySettings(keyHistory)
  if (expiresSeconds <= offlineSeconds) return []
  const message = 'expires is longer than offlineUntil, expected no longer'
  return [
    {
      path: ['keyHistory', keyHistory.expires === undefined ? 'offlineUntil' : 'expires'],
      message,
    },
  ]
}
