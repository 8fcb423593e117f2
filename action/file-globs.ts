/** Files by globs: what `@actions/glob` finds, so that workflows move between Actions unchanged. */
import { resolve, sep } from 'node:path'
import { create, type Globber } from '@actions/glob'
import { stat } from 'node:fs/promises'
import { CountersignError } from '../src/errors.ts'
import { usage } from './input-reader.ts'
import { assertBoundedPattern } from './pattern-bounds.ts'
import { assertWithin, isInWorkspace, type PathContext } from './step-path.ts'
import { type StepContext, workspace } from './step.ts'

/** How files are found. */
export interface FindOptions {
  /** Most files. */
  readonly maxFiles: number
  /** Whether each pattern must find a file; otherwise only those without wildcards, and others are warned of. */
  readonly isEachDemanded: boolean
}

/** What finding files takes of a step. */
export type FindContext = PathContext & Pick<StepContext, 'log'>

/** Files and folders together: links can make few folders look like many. */
const MAX_FOUND = 100_000

/**
 * Finds files; relative patterns start at the workspace, `!` excludes, a folder stands for everything in it.
 * Sorted, each once. Links are followed and hidden files are found; a broken link is not.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND — a pattern finds nothing; ERR_FILE_READ — a link leads
 * out of the workspace, or out of the folder elsewhere that the pattern names, or a folder cannot be read;
 * ERR_USAGE — a pattern is invalid or too complex, or there are too many files
 */
export async function findFiles(
  patterns: readonly string[],
  { maxFiles, isEachDemanded }: FindOptions,
  context: FindContext,
): Promise<readonly string[]> {
  const folder = resolve(workspace(context))
  for (const pattern of patterns) assertBoundedPattern(pattern)
  const globber = await openGlobber(patterns, folder)
  const found: string[] = []
  for await (const path of listFiles(globber, context)) {
    if (found.push(path) > maxFiles) {
      throw usage(`subject-path matches over ${maxFiles} files`, 'name fewer')
    }
  }
  for (const pattern of patterns.filter((one) => !/^[!#]/.test(one))) {
    if (await findsFile(pattern, folder, context)) continue
    if (isEachDemanded || !/[*?[]/.test(pattern)) throw noMatch(pattern, folder)
    context.log.annotate('warning', 'subject-path', `no file matches "${pattern}"`)
  }
  if (found.length === 0) throw noMatch(patterns.join(', '), folder)
  return found.toSorted()
}

/** Opens a search; a relative pattern is relative to the workspace, wherever the process runs. */
async function openGlobber(patterns: readonly string[], folder: string): Promise<Globber> {
  const root = escapeGlob(folder)
  const absolute = patterns.map((pattern) => {
    const [, negation = '', path = ''] = /^([!\s]*)(.*)$/s.exec(pattern) ?? []
    const isRooted = /^(?:[/\\#]|~(?:[/\\]|$)|[a-z]:)/i.test(path) || path === ''
    return isRooted ? pattern : `${negation}${root}/${path.replace(/^\.(?:\/+|$)/, '')}`
  })
  try {
    return await create(absolute.join('\n'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CountersignError('ERR_USAGE', `subject-path: ${why}`, {
      hint: 'write paths from the workspace, or absolute ones, without "." and ".." inside',
      cause,
    })
  }
}

/** As `@actions/glob` escapes the current folder. */
function escapeGlob(path: string): string {
  const plain = sep === '\\' ? path : path.replaceAll('\\', '\\\\')
  return plain.replaceAll(/\[(?=[^/]+\])/g, '[[]').replaceAll(/[?*]/g, '[$&]')
}

/** The files of a search, none of them outside of where it may read. */
async function* listFiles(globber: Globber, context: FindContext): AsyncGenerator<string> {
  const roots = globber.getSearchPaths()
  let count = 0
  try {
    for await (const path of globber.globGenerator()) {
      count += 1
      if (count > MAX_FOUND) {
        throw usage(`subject-path finds over ${MAX_FOUND} files and folders`, 'name fewer')
      }
      await assertAllowed(path, roots, context)
      if (!(await stat(path)).isDirectory()) yield path
    }
  } catch (error) {
    throw toReadError(error)
  }
}

async function assertAllowed(
  path: string,
  roots: readonly string[],
  context: FindContext,
): Promise<void> {
  const folder = resolve(workspace(context))
  const root = roots.find((one) => path === one || path.startsWith(one === '/' ? one : `${one}/`))
  await assertWithin(path, isInWorkspace(path, context) ? folder : (root ?? folder), context)
}

async function findsFile(pattern: string, folder: string, context: FindContext): Promise<boolean> {
  const files = listFiles(await openGlobber([pattern], folder), context)
  const { done = false } = await files.next()
  await files.return(undefined)
  return !done
}

function toReadError(error: unknown): unknown {
  if (CountersignError.is(error) || !(error instanceof Error && 'code' in error)) return error
  return new CountersignError('ERR_FILE_READ', `cannot search for files: ${error.message}`, {
    hint: 'exclude what cannot be read with "!PATH", or fix its permissions',
    cause: error,
  })
}

function noMatch(pattern: string, folder: string): CountersignError {
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `no file matches "${pattern}"`, {
    hint: `paths are relative to ${folder}; was the artifact built, or downloaded, before this step?`,
    details: { pattern },
  })
}
