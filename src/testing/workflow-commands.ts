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

const COMMAND = /^\s*::(?<name>[a-z-]+)(?: (?<properties>.*?))?::(?<message>.*)$/s
const LINE_END = /\r\n|\n|\r/
/** The per cent sign comes last: what it escaped is no escape any more. */
const IN_DATA = { '%0D': '\r', '%0A': '\n', '%25': '%' }
const IN_PROPERTIES = { '%3A': ':', '%2C': ',', ...IN_DATA }

/** Reads the commands of a log; what was printed before its mask stays in sight, as in a real log. */
export function parseCommands(log: string): LogCommands {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const visible: string[] = []
  let stopped: string | undefined
  for (const line of log.split(LINE_END)) {
    const { name, properties = '', message = '' } = COMMAND.exec(line)?.groups ?? {}
    if (stopped !== undefined) {
      if (line.trim() === `::${stopped}::`) stopped = undefined
      else visible.push(hide(line, masks))
    } else if (name === 'stop-commands') stopped = message
    else if (name === 'add-mask') masks.push(unescape(message, IN_DATA))
    else if (isLevel(name)) {
      const text = hide(unescape(message, IN_DATA), masks)
      annotations.push({ level: name, message: text, ...readProperties(properties) })
    } else if (name !== 'debug') visible.push(hide(line, masks))
  }
  return { masks, annotations, visible: visible.join('\n') }
}

function hide(text: string, masks: readonly string[]): string {
  const longestFirst = masks.filter((mask) => mask !== '').toSorted((a, b) => b.length - a.length)
  return longestFirst.reduce((rest, mask) => rest.replaceAll(mask, '***'), text)
}

function isLevel(name: string | undefined): name is Annotation['level'] {
  return name === 'error' || name === 'warning' || name === 'notice'
}

function readProperties(listed: string): Pick<Annotation, 'title' | 'properties'> {
  const pairs = [...listed.matchAll(/([^=,]+)=([^,]*)/g)].map(([, name = '', value = '']) => [
    name.trim(),
    unescape(value, IN_PROPERTIES),
  ])
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
