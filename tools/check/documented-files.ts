/** A file that a document shows whole. */
export interface DocumentedFile {
  readonly name: string
  readonly text: string
}

/** Extracts the JavaScript blocks of a Markdown text whose first line is `// NAME.js`. */
export function documentedFiles(markdown: string): DocumentedFile[] {
  const blocks = markdown.matchAll(/^```js\n(?<text>\/\/ (?<name>\S+\.js)\n.*?)^```$/gms)
  return [...blocks].map(({ groups: { name = '', text = '' } = {} }) => ({ name, text }))
}
