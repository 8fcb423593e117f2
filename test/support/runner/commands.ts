/**
 * Workflow commands: what a step says to the runner in its log (`::error::…`) and in files
 * (`name<<delimiter`).
 *
 * @packageDocumentation
 */

/** A remark the runner shows beside the run. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly title: string | undefined
  readonly message: string
}

/** What the log of a step says to the runner. */
export interface LogCommands {
  readonly masks: readonly string[]
  readonly annotations: readonly Annotation[]
  /** The log without commands, masked. */
  readonly visible: string
}

const COMMAND = /^::(?<name>[a-z-]+)(?: (?<properties>[^:]*(?:%3A[^:]*)*))?::(?<message>.*)$/

/** Reads the commands of a log; masks hold from the start, as nobody looks before the end. */
export function parseCommands(log: string): LogCommands {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const rest: string[] = []
  for (const line of log.split(/\r?\n/)) {
    const { name, properties = '', message = '' } = COMMAND.exec(line)?.groups ?? {}
    if (name === 'add-mask') masks.push(unescape(message))
    else if (isLevel(name)) annotations.push(toAnnotation(name, properties, message))
    else if (name !== 'debug') rest.push(line)
  }
  const hidden = masks.filter((mask) => mask !== '')
  const visible = hidden.reduce((text, mask) => text.replaceAll(mask, '***'), rest.join('\n'))
  return { masks, annotations, visible }
}

function isLevel(name: string | undefined): name is Annotation['level'] {
  return name === 'error' || name === 'warning' || name === 'notice'
}

function toAnnotation(level: Annotation['level'], properties: string, message: string): Annotation {
  const title = /(?:^|,)title=([^,]*)/.exec(properties)?.[1]
  return {
    level,
    title: title === undefined ? undefined : unescape(title),
    message: unescape(message),
  }
}

function unescape(text: string): string {
  const signs = { '%0D': '\r', '%0A': '\n', '%3A': ':', '%2C': ',', '%25': '%' }
  return text.replaceAll(/%(?:0D|0A|3A|2C|25)/g, (code) =>
    code in signs ? signs[code as keyof typeof signs] : code,
  )
}

/**
 * Reads a file of outputs: `name=value` lines, and values of several lines between delimiters.
 *
 * @throws Error — what the runner refuses: a line of neither form, a delimiter that never comes
 */
export function parseFileCommands(content: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  const lines = content.split(/\r?\n/)
  while (lines.length > 0) {
    const line = lines.shift() ?? ''
    const heredoc = /^([^=<]+)<<(.+)$/.exec(line)
    const pair = /^([^=]+)=(.*)$/.exec(line)
    if (heredoc?.[1] !== undefined) {
      const end = lines.indexOf(heredoc[2] ?? '')
      if (end === -1) throw new Error(`the value of ${heredoc[1]} has no end`)
      values[heredoc[1]] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n')
    } else if (pair?.[1] !== undefined) values[pair[1]] = pair[2] ?? ''
    else if (line !== '') throw new Error(`no output: ${line}`)
  }
  return values
}
