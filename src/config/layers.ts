/**
 * The sources of the configuration as layers of one form, and what they come to together: of every
 * setting the value of the highest layer that has it, with the place it came from.
 *
 * @packageDocumentation
 */
import { dirname } from 'node:path'
import { defaultAlgorithm } from './defaults.ts'
import type { Environment } from './environment.ts'
import { FORMS } from './forms.ts'
import { findMistakes } from './mistakes.ts'
import type { Origin } from './origin.ts'
import type { ConfigProblem } from './problem.ts'
import { CONFIG_SCHEMA, type ConfigFile, toConfigFile } from './schema.ts'
import {
  describePath,
  isMapping,
  isSettable,
  isSetting,
  type Path,
  schemaAt,
  type SchemaNode,
  valueAt,
  visit,
} from './schema-node.ts'
import { parseYamlText } from './yaml-text.ts'

/** Values of options, by the setting each overrides; undefined where the option is not given. */
export type FlagValues = Readonly<
  Record<string, { readonly flag: string; readonly value: string | readonly string[] | undefined }>
>

/** What one source says. */
export interface Layer {
  readonly value: ConfigFile
  readonly problems: readonly ConfigProblem[]
  readonly locate: (path: Path) => Origin
}

/** One setting as it holds. */
export interface Setting {
  /** As `keys.release.provider`. */
  readonly path: string
  readonly value: unknown
  readonly origin: Origin
}

/** Reads the layer of a file's text; its relative paths are meant from the folder of the file. */
export function fileLayer(text: string, file: string): Layer {
  const yaml = parseYamlText(text, file)
  if (yaml.problems.length > 0) return { ...yaml, value: {} }
  const layer = checkedLayer(yaml.value ?? {}, yaml.locate)
  const value = rebase(CONFIG_SCHEMA, layer.value, dirname(file))
  return { ...layer, value: toConfigFile(value) ?? {} }
}

/** The variable that sets a setting: `COUNTERSIGN_REGISTRY_PLAIN_HTTP` for `registry.plainHttp`. */
export function variableFor(path: Path): string {
  const words = path.map((name) => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase())
  return ['COUNTERSIGN', ...words].join('_')
}

/** Reads the layer of the environment; an empty variable says nothing, a list is separated by commas. */
export function environmentLayer(env: Environment): Layer {
  const entries = [...visit(CONFIG_SCHEMA, {})].flatMap((place) => {
    const text =
      isSetting(place) && isSettable(place.node) ? env[variableFor(place.path)] : undefined
    return text === undefined || text === ''
      ? []
      : [[place.path, fromText(place.node, text)] as const]
  })
  const locate = (path: Path): Origin => ({
    kind: 'environment',
    variable: variableFor(path.filter((name) => !/^[0-9]+$/.test(name))),
  })
  return checkedLayer(nest(entries), locate)
}

/** Reads the layer of a command's options. */
export function flagLayer(flags: FlagValues): Layer {
  const given = Object.entries(flags).filter(([, { value }]) => value !== undefined)
  const locate = (path: Path): Origin => ({
    kind: 'flag',
    flag: flags[path.slice(0, 2).join('.')]?.flag ?? path.join('.'),
  })
  return checkedLayer(nest(given.map(([path, { value }]) => [path.split('.'), value])), locate)
}

/** Puts layers together, the highest first. Names of keys come from the lowest, the file. */
export function mergeLayers(layers: readonly Layer[]): readonly Setting[] {
  const places = [...visit(CONFIG_SCHEMA, layers.at(-1)?.value)].filter(isSetting)
  return places.flatMap(({ path, node }) => {
    const layer = layers.find(({ value }) => valueAt(value, path) !== undefined)
    const value =
      layer === undefined ? (node.default ?? defaultAt(path, layers)) : valueAt(layer.value, path)
    if (value === undefined) return []
    return [{ path: describePath(path), value, origin: layer?.locate(path) ?? { kind: 'default' } }]
  })
}

/** A default that follows from another setting: the algorithm of a key, from its use. */
function defaultAt(path: Path, layers: readonly Layer[]): string | undefined {
  const [section, name = '', setting] = path
  if (section !== 'keys' || setting !== 'algorithm' || path.length !== 3) return undefined
  return defaultAlgorithm(valueAt(layers.at(-1)?.value, ['keys', name, 'use']))
}

/** Makes one value of settings, in the form of the file. */
export function toSingleFile(settings: readonly Setting[]): ConfigFile {
  return toConfigFile(nest(settings.map(({ path, value }) => [path.split('.'), value]))) ?? {}
}

function checkedLayer(value: unknown, locate: (path: Path) => Origin): Layer {
  const problems = findMistakes(value, locate)
  const checked = problems.length > 0 ? undefined : toConfigFile(value)
  return { value: checked ?? {}, problems, locate }
}

/** What a text of the environment means; one that can't be meant stays a text, and is complained about. */
function fromText(node: SchemaNode, text: string): unknown {
  if (node.items !== undefined) return text.split(',').map((item) => item.trim())
  if (node.type === 'integer' && /^[0-9]{1,15}$/.test(text)) return Number(text)
  if (node.type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

function nest(entries: readonly (readonly [Path, unknown])[]): unknown {
  const root: Record<string, unknown> = {}
  for (const [path, value] of entries) {
    let parent = root
    for (const name of path.slice(0, -1)) {
      const child = Object.hasOwn(parent, name) ? parent[name] : undefined
      const next = isMapping(child) ? child : {}
      parent[name] = next
      parent = next
    }
    parent[path.at(-1) ?? ''] = value
  }
  return root
}

function rebase(node: SchemaNode | undefined, value: unknown, folder: string): unknown {
  if (typeof value === 'string') {
    return (
      (node?.form === undefined ? undefined : FORMS[node.form].rebase?.(value, folder)) ?? value
    )
  }
  if (Array.isArray(value)) return value.map((item) => rebase(node?.items, item, folder))
  if (!isMapping(value)) return value
  const members = Object.entries(value)
  return Object.fromEntries(
    members.map(([name, member]) => [name, rebase(schemaAt(node, [name]), member, folder)]),
  )
}
