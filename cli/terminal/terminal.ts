/**
 * Everything a terminal adds: colour, progress, asking. Rules of the interface:
 *
 * - Talk goes to stderr, data to stdout; the text is the same in a pipeline and on a terminal.
 * - A terminal adds colour (unless NO_COLOR, TERM=dumb or --no-color), a progress line, and breaks long lines
 *   between words, so that no kid, digest or command is broken.
 * - `-q` leaves of talk what went wrong, a line each, without hints; `-v` adds detail; `--no-input` never
 *   asks; `--json` says everything in its document and nothing beside it, unless with `-v`.
 *
 * @packageDocumentation
 */
import { printable } from '../../src/formats/printable.ts'
import type { Context, TextSink } from '../context.ts'
import type { CommonFlags } from '../options/shared.ts'
import { wrapFor } from '../render/wrap.ts'

/** Marks a part of the text; only colour on a terminal, nothing elsewhere. */
export type Style = 'good' | 'bad' | 'dim' | 'bold'

/** The person's side of a command. */
export interface Terminal {
  /** Says a line to the person, on stderr; silent with -q. */
  say(line: string): void
  /** Says an error; with -q one line of it, by default its first. */
  talk(text: string, line?: string): void
  /** As say, only with -v. */
  detail(line: string): void
  style(style: Style, text: string): string
  /** As style and verbose, for what is printed on stdout. */
  readonly report: Pick<Terminal, 'style' | 'verbose'>
  /** Shows how far long work has come; on a terminal only, overwritten in place. */
  progress(line: string): void
  /** Prompts for a secret without echo; undefined if the terminal is not interactive. */
  askSecret(prompt: string): Promise<string | undefined>
  /** Clears what progress left behind. */
  end(): void
  readonly verbose: boolean
}

const CODES: Readonly<Record<Style, string>> = { good: '32', bad: '31', dim: '2', bold: '1' }

const ESCAPE = '\u001b'
/** The colours of {@link Terminal.style}, and line feeds. */
const OWN_CONTROLS = new RegExp(`(\\n|${ESCAPE}\\[(?:0|1|2|31|32)m)`)

/** What texts of others hold beside our own colours and line ends becomes visible, wherever it was missed. */
function withoutControls(line: string): string {
  const parts = line.split(OWN_CONTROLS)
  return parts.map((part, index) => (index % 2 === 0 ? printable(part) : part)).join('')
}

function isTerminalOf(sink: TextSink, env: Context['env']): boolean {
  return sink.isTTY === true && env['TERM'] !== 'dumb'
}

function createStyle(
  sink: TextSink,
  { noColor }: CommonFlags,
  { env }: Context,
): Terminal['style'] {
  const isForced = (env['FORCE_COLOR'] ?? '') !== ''
  const isRefused = (env['NO_COLOR'] ?? '') !== '' || noColor
  if (isRefused || !(isForced || isTerminalOf(sink, env))) return (_, text) => text
  return (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m`
}

/** Creates the terminal of one run. */
export function createTerminal(flags: CommonFlags, context: Context): Terminal {
  const { stderr, env } = context
  const { quiet, verbose } = flags
  // The document has all of it, and joining both streams still gives JSON.
  const silent = flags.json && !verbose
  const isTerminal = isTerminalOf(stderr, env)
  const canAsk = isTerminal && context.stdin.isTTY === true && !flags.noInput
  let progressShown = false

  const clear = (): void => {
    if (progressShown) stderr.write('\r\u001b[K')
    progressShown = false
  }
  // Line feeds of others are escaped: what follows the first one is ours, a hint or a detail.
  const talk = (text: string, line = text.replace(/\n[^]*/, '')): void => {
    clear()
    if (silent) return
    const shown = quiet ? line : text
    stderr.write(`${wrapFor(stderr, withoutControls(shown))}\n`)
  }
  return {
    verbose,
    talk,
    say: (line) => {
      if (!quiet) talk(line)
    },
    detail: (line) => {
      if (verbose && !quiet) talk(line)
    },
    style: createStyle(stderr, flags, context),
    report: { verbose, style: createStyle(context.stdout, flags, context) },
    progress: (line) => {
      if (!isTerminal || quiet) return
      stderr.write(`\r\u001b[K${printable(line).slice(0, (stderr.columns ?? 80) - 1)}`)
      progressShown = true
    },
    askSecret: async (prompt) => {
      if (!canAsk) return undefined
      clear()
      const { askSecret } = await import('./ask-secret.ts')
      return askSecret(printable(prompt), context)
    },
    end: clear,
  }
}
