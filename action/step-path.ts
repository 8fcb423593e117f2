/**
 * Paths that the inputs of a step name. The checkout may be the work of a pull request's author, also a link
 * in it that leads to a secret of the runner.
 *
 * @packageDocumentation
 */
import { resolve } from 'node:path'
import { CountersignError } from '../src/errors.ts'
import { isWithin } from '../src/files.ts'
import { type StepContext, workspace } from './step.ts'

/** What deciding on a path takes. */
export type PathContext = Pick<StepContext, 'env' | 'followLinks'>

/**
 * Resolves a path of the inputs. One that is written as outside of the workspace is the workflow's own word;
 * one inside must not lead out of it by a link, unless `follow-links` says so.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — it leads out of the workspace
 */
export async function stepPath(path: string, context: PathContext): Promise<string> {
  const folder = resolve(workspace(context))
  const full = resolve(folder, path)
  if (isInWorkspace(full, context)) await assertWithin(full, folder, context)
  return full
}

/** Whether a path is written as one inside the workspace, wherever it leads. */
export function isInWorkspace(path: string, context: PathContext): boolean {
  const folder = resolve(workspace(context))
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

/**
 * Makes sure that no link on a path leads out of a folder, unless `follow-links` says that it may.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — one does
 */
export async function assertWithin(
  path: string,
  folder: string,
  { followLinks = false }: PathContext,
): Promise<void> {
  if (followLinks || (await isWithin(path, folder))) return
  throw new CountersignError('ERR_FILE_READ', `a link leads from "${path}" out of "${folder}"`, {
    hint: 'remove the link, or set the input follow-links to true if it is meant',
    details: { path },
  })
}
