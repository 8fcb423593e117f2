/** A command block of a document that a test runs. */
export interface ShellBlock {
  /** Line of the document on which the block starts, counted from 1. */
  readonly line: number
  readonly script: string
  /** Exit status it must end with. */
  readonly exit: number
}

/**
 * Extracts the fenced blocks of a Markdown text that are marked to be run: `sh run`, or
 * `sh run exit=3` where the commands are shown to fail. All other blocks are only shown.
 */
export function runnableBlocks(markdown: string): ShellBlock[] {
  const blocks = markdown.matchAll(/^```sh run(?: exit=(?<exit>\d+))?\n(?<script>.*?)^```$/gms)
  return [...blocks].map(({ index, groups }) => ({
    line: markdown.slice(0, index).split('\n').length,
    script: groups?.['script'] ?? '',
    exit: Number(groups?.['exit'] ?? 0),
  }))
}
