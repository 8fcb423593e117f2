/** Where a value of the configuration came from, or the location of a mistake in it. */

/** A place people can go to and change. */
export type Origin =
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'environment'; readonly variable: string }
  | FileOrigin
  | { readonly kind: 'default' }

/** A place in the file; line and column count from 1. */
export interface FileOrigin {
  readonly kind: 'file'
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Names a place for people: `--ca`, `COUNTERSIGN_REGISTRY_CA`, `countersign.yaml:7`, `default`. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return origin.flag
    case 'environment':
      return origin.variable
    case 'file':
      return `${origin.file}:${origin.line}`
    case 'default':
      return 'default'
  }
}
