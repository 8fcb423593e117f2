/** A countersign command line that a document shows. */
export interface DocumentedCommand {
  /** Line of the document, counted from 1. */
  readonly line: number
  /** Without `countersign`, and without what is behind it in a pipe. */
  readonly words: readonly string[]
}

/**
 * Finds the command lines of a Markdown text: those of fenced shell blocks, and code within a line that
 * begins with `countersign` and says more than one word.
 */
export function documentedCommands(markdown: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = []
  const add = (index: number, text: string): void => {
    const words = toWords(text)
    if (words.length > 1) found.push({ line: markdown.slice(0, index).split('\n').length, words })
  }
  for (const block of markdown.matchAll(/^ *```(?:sh|console)\b.*\n([\s\S]*?)^ *```$/gm)) {
    const script = block[1] ?? ''
    const start = block.index + block[0].indexOf('\n') + 1
    for (const command of script.matchAll(/^ *(?:\$ )?countersign ((?:.*\\\n)*.*)$/gm)) {
      add(start + command.index, command[1] ?? '')
    }
  }
  const prose = markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, (block) =>
    block.replaceAll(/[^\n]/g, ' '),
  )
  for (const code of prose.matchAll(/`countersign ([^`]+)`/g)) add(code.index, code[1] ?? '')
  return found
}

/** Words as a shell splits them, up to a comment, a pipe, or what a document leaves out. */
function toWords(text: string): readonly string[] {
  const words: string[] = []
  for (const [word] of text.replaceAll('\\\n', ' ').matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (/^[#|&;<>]/.test(word)) break
    words.push(word.replaceAll(/['"]/g, ''))
  }
  return words
}
