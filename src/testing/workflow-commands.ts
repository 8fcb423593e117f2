/**
 * Workflow commands, read as the runner reads them: what a step says in its log (`::error::…`) and writes
 * into files (`name<<delimiter`)
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 *
 * @packageDocumentation
 */

/** A remark the runner shows beside the run. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly title: string | undefined
  readonly message: string
  /** Everything else it was given: `file`, `line`, `endLine`, `col`, `endColumn`. */
  readonly properties: Readonly<Record<string, string>>
}

/** What the log of a step says to the runner. */
export interface LogCommands {
  /** Values that the step asked to hide, in order. */
  readonly masks: readonly string[]
  readonly annotations: readonly Annotation[]
  /** The log as people see it: without commands, and each mask hidden from where it was asked for. */
  readonly visible: string
}

/** What starts a line is a command, blanks aside; .NET counts U+0085 as one. */
const COMMAND = /^[\s\u0085]*::(?<name>[a-z-]+)(?: (?<properties>.*?))?::(?<message>.*)$/s
/** The older form is a command wherever it stands in a line. */
const OLD_COMMAND = /##\[(?<name>[a-z-]+)(?: (?<properties>[^\]]*))?\](?<message>.*)$/s
const LINE_END = /\r\n|\n|\r/
/** The per cent sign comes last: what it escaped is no escape any more. */
const IN_DATA = { '%0D': '\r', '%0A': '\n', '%25': '%' }
const IN_PROPERTIES = { '%3A': ':', '%2C': ',', ...IN_DATA }
const IN_OLD = { '%3B': ';', '%5D': ']', ...IN_DATA }

/**
 * Reads the commands of a log; what was printed before its mask stays in sight, as in a real log.
 *
 * @example
 * ```ts
 * import { parseCommands } from 'countersign/testing'
 *
 * const { annotations } = parseCommands('::warning title=Slow::it took an hour')
 * console.log(annotations[0]?.level) // warning
 * ```
 */
export function parseCommands(log: string): LogCommands {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const visible: string[] = []
  let stopped: string | undefined
  for (const line of log.split(LINE_END)) {
    const { name, properties, message } = readCommand(line)
    if (stopped !== undefined) {
      if (line.trim() === `::${stopped}::`) stopped = undefined
      else visible.push(hide(line, masks))
    } else if (name === 'stop-commands') stopped = message
    else if (name === 'add-mask') masks.push(message)
    else if (isLevel(name)) {
      annotations.push({ level: name, message: hide(message, masks), ...properties })
    } else if (name !== 'debug') visible.push(hide(line, masks))
  }
  return { masks, annotations, visible: visible.join('\n') }
}

interface Command {
  readonly name: string | undefined
  readonly properties: Pick<Annotation, 'title' | 'properties'>
  readonly message: string
}

function readCommand(line: string): Command {
  const { name, properties = '', message = '' } = COMMAND.exec(line)?.groups ?? {}
  if (name !== undefined) {
    const read = readProperties(properties, ',', IN_PROPERTIES)
    return { name, properties: read, message: unescape(message, IN_DATA) }
  }
  const old = OLD_COMMAND.exec(line)?.groups ?? {}
  return {
    name: old['name'],
    properties: readProperties(old['properties'] ?? '', ';', IN_OLD),
    message: unescape(old['message'] ?? '', IN_OLD),
  }
}

function hide(text: string, masks: readonly string[]): string {
  const longestFirst = masks.filter((mask) => mask !== '').toSorted((a, b) => b.length - a.length)
  return longestFirst.reduce((rest, mask) => rest.replaceAll(mask, '***'), text)
}

function isLevel(name: string | undefined): name is Annotation['level'] {
  return name === 'error' || name === 'warning' || name === 'notice'
}

function readProperties(
  listed: string,
  separator: ',' | ';',
  escapes: Readonly<Record<string, string>>,
): Command['properties'] {
  const pairs = listed.split(separator).flatMap((pair) => {
    const [, name = '', value = ''] = /^([^=]+)=([\s\S]*)$/.exec(pair) ?? []
    return name === '' ? [] : [[name.trim(), unescape(value, escapes)]]
  })
  const { title, ...properties } = Object.fromEntries(pairs) as Readonly<Record<string, string>>
  return { title, properties }
}

function unescape(text: string, escapes: Readonly<Record<string, string>>): string {
  return Object.entries(escapes).reduce((rest, [code, sign]) => rest.replaceAll(code, sign), text)
}

/**
 * Reads a file of outputs, variables or state: `name=value` lines, and values of several lines between
 * delimiters.
 *
 * @throws SyntaxError — what makes the runner fail the step: a line of neither form, no name, a delimiter
 * that never comes
 *
 * @example
 * ```ts
 * import { parseFileCommands } from 'countersign/testing'
 *
 * console.log(parseFileCommands('greeting=Hello\n')['greeting']) // Hello
 * ```
 */
export function parseFileCommands(content: string): Readonly<Record<string, string>> {
  const values: [string, string][] = []
  const lines = content.split(/\r?\n/)
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue
    const [, name, sign, rest = ''] = /^(.*?)(=|<<)(.*)$/.exec(line) ?? []
    if (name === undefined || name === '') throw new SyntaxError(`no name and value: ${line}`)
    values.push([name, sign === '=' ? rest : takeUntil(rest, lines, name)])
  }
  return Object.fromEntries(values)
}

/** Takes the lines before a delimiter, and the delimiter. */
function takeUntil(delimiter: string, lines: string[], name: string): string {
  const end = delimiter === '' ? -1 : lines.indexOf(delimiter)
  if (end === -1) throw new SyntaxError(`the value of ${name} never ends`)
  const taken = lines.splice(0, end + 1)
  return taken.slice(0, -1).join('\n')
}
