/** Files by globs, as workflows write them. */
import { glob, readdir, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CountersignError } from '../src/errors.ts'
import { assertFewPatterns } from './pattern-bounds.ts'
import { assertWithin, isInWorkspace, type PathContext } from './step-path.ts'
import { workspace } from './step.ts'

/**
 * Finds files in the workspace; a pattern that names a folder stands for all files in it, one that begins
 * with `!` takes away what others have found. Sorted, each once. No link is passed over, for what it leads
 * to is deployed like any other file.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND — a pattern matches nothing; ERR_FILE_READ — a link
 * leads out of the workspace, or out of the folder elsewhere that the pattern names; ERR_USAGE — a pattern
 * stands for too many
 */
export async function findFiles(
  patterns: readonly string[],
  context: PathContext,
): Promise<readonly string[]> {
  const folder = resolve(workspace(context))
  const found = new Set<string>()
  for (const pattern of patterns) {
    assertFewPatterns(pattern)
    const isTaken = pattern.startsWith('!')
    const wanted = isTaken ? pattern.slice(1).trim() : pattern
    const root = rootOf(wanted, folder, context)
    const files = await matchFiles(wanted, folder, async (path) => {
      if (!isTaken) await assertWithin(path, root, context)
    })
    if (files.length === 0 && !isTaken) throw noMatch(pattern, folder)
    for (const file of files) {
      if (isTaken) found.delete(file)
      else found.add(file)
    }
  }
  if (found.size === 0) throw noMatch(patterns.join(', '), folder)
  return [...found].toSorted()
}

/** Throws where a path may not be read. */
type CheckPath = (path: string) => Promise<void>

/** The folder that a pattern must stay in: the workspace, or the part of an outside path without wildcards. */
function rootOf(pattern: string, folder: string, context: PathContext): string {
  const parts = pattern.split('/')
  const magic = parts.findIndex((part) => /[*?[{(]/.test(part))
  const base = resolve(folder, (magic === -1 ? parts : parts.slice(0, magic)).join('/') || '/')
  const isInside = !pattern.startsWith('/') || isInWorkspace(base, context)
  return isInside ? folder : base
}

async function matchFiles(
  pattern: string,
  folder: string,
  check: CheckPath,
): Promise<readonly string[]> {
  const files: string[] = []
  const seen = new Set<string>()
  // A glob of nothing but the folder itself matches nothing.
  const isHere = /^\.\/*$/.test(pattern)
  for await (const match of glob(isHere ? '**' : pattern, { cwd: folder })) {
    files.push(...(await filesAt(resolve(folder, match), check, seen)))
  }
  return files
}

/** A file, whatever it is, or all files in a folder; hidden ones aside, as globs leave them out. */
async function filesAt(
  path: string,
  check: CheckPath,
  seen: Set<string>,
): Promise<readonly string[]> {
  await check(path)
  // What is not there, or no file, is for reading to refuse.
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) return [path]
  // Links may lead in circles.
  const real = await realpath(path)
  if (seen.has(real)) return []
  seen.add(real)
  const files: string[] = []
  for (const name of (await readdir(path)).filter((one) => !one.startsWith('.'))) {
    files.push(...(await filesAt(join(path, name), check, seen)))
  }
  return files
}

function noMatch(pattern: string, folder: string): CountersignError {
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `no file matches "${pattern}"`, {
    hint: `paths are relative to ${folder}; was the artifact built, or downloaded, before this step?`,
    details: { pattern },
  })
}
