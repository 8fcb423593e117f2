/** References to key files: `file:PATH`, or the path alone. */
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { invalidUri, type KeyLocation } from '../descriptor.ts'

/** A PEM file on this machine. */
export interface FileUri {
  readonly scheme: 'file'
  readonly path: string
}

/** How a reference is written. */
export const FILE_TEMPLATE = 'file:PATH'

const SCHEME = /^file:/i

/**
 * Parses a reference to a key file.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — no path
 */
export function parseFileUri(text: string): FileUri {
  const path = pathOf(text)
  if (path === '' || path.includes('\0')) throw invalidUri(text, 'the path is empty', FILE_TEMPLATE)
  return { scheme: 'file', path }
}

/** Writes a reference so that {@link parseFileUri} reads it back. */
export function serializeFileUri({ path }: FileUri): string {
  return `file:${path}`
}

/** The reference to a path, of a file or a folder. */
export function fileReference(path: string): string {
  return serializeFileUri({ scheme: 'file', path })
}

/** Parses a reference to a folder, which ends in a slash. */
export function parseFolder(text: string): KeyLocation<FileUri> | undefined {
  const { path: folder } = parseFileUri(text)
  if (!folder.endsWith('/')) return undefined
  return {
    versionUri: ({ key, version }) => ({ scheme: 'file', path: `${folder}${key}-${version}.pem` }),
    complete: (uri) => (folderOf(uri.path) === folderOf(`${folder}key`) ? uri : undefined),
  }
}

/** Makes the path of a reference relative to another folder. */
export function rebaseFileUri(text: string, folder: string): string {
  const path = pathOf(text)
  if (isAbsolute(path)) return text
  const rebased = join(folder, path)
  return SCHEME.test(text) ? fileReference(rebased) : rebased
}

/** `file:///etc/key.pem` is an absolute path. */
function pathOf(text: string): string {
  return SCHEME.test(text) ? text.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : text
}

function folderOf(path: string): string {
  return dirname(normalize(path))
}
