/**
 * Fields of the documents in our logs: each reads a member and writes it again, so that a record lists its
 * members once. A record has one form of bytes; members that it does not list are those of a later release.
 *
 * @packageDocumentation
 */
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Malformed,
  type ObjectReader,
} from './json.ts'
import { unsupportedFormat } from './versions.ts'

/** One member: how it is read and written. */
export interface Field<T> {
  /** Reads the member of that name. */
  readonly read: (reader: ObjectReader, name: string) => T
  /** What is written; undefined leaves the member out. */
  readonly write: (value: T) => JsonValue | undefined
  /** Cuts what only people read; what a later release cuts elsewhere is still read. */
  readonly cut?: ((value: T) => T) | undefined
  /** Leaves out what is not known of a member that is a record, or has records in it. */
  readonly prune?: ((json: JsonValue, skipped: string[], path: string) => JsonValue) | undefined
}

/** A record: its members in the order in which they are written. */
export interface Codec<T> {
  /** Reads the members; others are not looked at. */
  readonly read: (reader: ObjectReader) => T
  /** Writes the members. */
  readonly write: (value: T) => JsonObject
  /** Cuts what only people read. */
  readonly cut: (value: T) => T
  /** The same value without the members that are not known; adds their paths to `skipped`. */
  readonly prune: (json: JsonObject, skipped: string[], path?: string) => JsonObject
}

type Fields<T> = { readonly [Name in keyof T]-?: Field<T[Name]> }

/** A text. */
export const TEXT: Field<string> = {
  read: (reader, name) => reader.text(name),
  write: (value) => value,
}

/** A whole number from 0 on. */
export const COUNT: Field<number> = {
  read: (reader, name) => reader.count(name),
  write: (value) => value,
}

/** A time, to the millisecond. */
export const TIME: Field<Date> = {
  read: (reader, name) => reader.time(name),
  write: (value) => value.toISOString(),
}

/** Whether something is so; always written. */
export const FLAG: Field<boolean> = {
  read: (reader, name) => reader.value(name) === true,
  write: (value) => value,
}

/** A list of values that a test accepts. */
export function listOf<T extends string | number>(
  isItem: (value: JsonValue) => value is T,
  malformed: Malformed,
): Field<readonly T[]> {
  return {
    read: (reader, name) => {
      const value = reader.value(name)
      if (isList(value) && value.every(isItem)) return value
      throw malformed(`"${name}" is not a list, or has an item of another type`)
    },
    write: (value) => value,
  }
}

/** A text among those that this release knows; a later one may know more. */
export function oneOf<T extends string>(isKnown: (text: string) => text is T): Field<T> {
  return {
    read: (reader, name) => {
      const text = reader.text(name)
      if (isKnown(text)) return text
      throw unsupportedFormat(`${name} "${text.slice(0, 40)}" is not known`)
    },
    write: (value) => value,
  }
}

/** One of these texts; a later release may know more. */
export function among<const T extends string>(...known: readonly T[]): Field<T> {
  return oneOf((text): text is T => known.some((each) => each === text))
}

/** A member that may be left out. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  const { cut } = field
  return {
    read: (reader, name) =>
      reader.value(name) === undefined ? undefined : field.read(reader, name),
    write: (value) => (value === undefined ? undefined : field.write(value)),
    cut: cut && ((value) => (value === undefined ? undefined : cut(value))),
    prune: field.prune,
  }
}

/** A member that is a record. */
export function nested<T>(codec: Codec<T>): Field<T> {
  return {
    read: (reader, name) => codec.read(reader.object(name)),
    write: codec.write,
    cut: codec.cut,
    prune: (json, skipped, path) => pruneObject(codec, json, skipped, path),
  }
}

/** A member that is a list of records. */
export function listOfRecords<T>(codec: Codec<T>): Field<readonly T[]> {
  return {
    read: (reader, name) => reader.objects(name).map(codec.read),
    write: (value) => value.map(codec.write),
    prune: (json, skipped, path) =>
      isList(json) ? json.map((item) => pruneObject(codec, item, skipped, path)) : json,
  }
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function pruneObject(
  { prune }: Pick<Codec<never>, 'prune'>,
  json: JsonValue,
  skipped: string[],
  path: string,
): JsonValue {
  return isJsonObject(json) ? prune(json, skipped, `${path}.`) : json
}

/** A record of these members, in this order. */
export function record<T extends object>(fields: Fields<T>): Codec<T> {
  const names = namesOf(fields)
  // Each name has the value of its own field, which the type of `fields` holds.
  const map = (valueOf: (name: keyof T & string) => unknown): T =>
    Object.fromEntries(names.map((name) => [name, valueOf(name)])) as T
  const byName = new Map<string, Pick<Field<never>, 'prune'>>(
    names.map((name) => [name, fields[name]]),
  )
  return {
    read: (reader) => map((name) => fields[name].read(reader, name)),
    write: (value) =>
      Object.fromEntries(
        names.flatMap((name) => {
          const member = fields[name].write(value[name])
          return member === undefined ? [] : [[name, member] as const]
        }),
      ),
    cut: (value) => map((name) => fields[name].cut?.(value[name]) ?? value[name]),
    prune: (json, skipped, path = '') => pruneMembers(json, byName, skipped, path),
  }
}

function namesOf<T extends object>(fields: Fields<T>): readonly (keyof T & string)[] {
  return Object.keys(fields) as (keyof T & string)[]
}

/** Any codec, as a row of a table. */
interface Row {
  readonly read: (reader: ObjectReader) => unknown
  readonly write: (value: never) => JsonObject
  readonly cut: (value: never) => unknown
  readonly prune: Codec<never>['prune']
}

/** Records of several kinds, distinguished by one of their members. */
export function variants<T extends object, Name extends keyof T & string>(
  name: Name,
  rows: Readonly<Record<T[Name] & string, Row>>,
): Codec<T> {
  const kinds = new Map(Object.entries<Row>(rows))
  const rowOf = (kind: unknown): Codec<T> => {
    const row = typeof kind === 'string' ? kinds.get(kind) : undefined
    if (row === undefined)
      throw unsupportedFormat(`${name} "${String(kind).slice(0, 40)}" is not known`)
    // The row of a kind is of the records that have it.
    return row as Codec<T>
  }
  return {
    read: (reader) => rowOf(reader.text(name)).read(reader),
    write: (value) => rowOf(value[name]).write(value),
    cut: (value) => rowOf(value[name]).cut(value),
    prune: (json, skipped, path) => rowOf(json[name]).prune(json, skipped, path),
  }
}

function pruneMembers(
  json: JsonObject,
  fields: ReadonlyMap<string, Pick<Field<never>, 'prune'>>,
  skipped: string[],
  path: string,
): JsonObject {
  const kept = Object.entries(json).flatMap(([name, value]: [string, JsonValue]) => {
    const field = fields.get(name)
    if (field === undefined) {
      skipped.push(path + name)
      return []
    }
    return [[name, field.prune?.(value, skipped, path + name) ?? value] as const]
  })
  return Object.fromEntries(kept)
}

/** Paths of the members of a record that are not known. */
export function skippedIn<T>({ prune }: Codec<T>, json: JsonObject): readonly string[] {
  const skipped: string[] = []
  prune(json, skipped)
  return skipped
}
