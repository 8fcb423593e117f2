/** A file of the repository that code writes, whole or in part. */
export interface GeneratedFile {
  /** From the project's root. */
  readonly path: string
  /** Renders the file from its present text (empty if it does not exist). Pure: same input, same output. */
  render(current: string): string | Promise<string>
}
