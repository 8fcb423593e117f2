/** A file of the repository that code writes, whole or in part. */
export interface GeneratedFile {
  /** From the project's root. */
  readonly path: string
  /** Renders the file anew, given its present text (empty where there is none). Pure: the same in, the same out. */
  render(current: string): string | Promise<string>
}
