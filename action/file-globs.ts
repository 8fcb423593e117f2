/** Files by globs, as workflows write them. */
import { glob, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CountersignError } from '../src/errors.ts'

/**
 * Finds files; a pattern that names a folder stands for all files in it, one that begins with `!` takes
 * away what others have found. Sorted, each once.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND — a pattern matches nothing
 */
export async function findFiles(
  patterns: readonly string[],
  folder: string,
): Promise<readonly string[]> {
  const found = new Set<string>()
  for (const pattern of patterns) {
    const isTaken = pattern.startsWith('!')
    const files = await matchFiles(isTaken ? pattern.slice(1).trim() : pattern, folder)
    if (files.length === 0 && !isTaken) throw noMatch(pattern, folder)
    for (const file of files) {
      if (isTaken) found.delete(file)
      else found.add(file)
    }
  }
  if (found.size === 0) throw noMatch(patterns.join(', '), folder)
  return [...found].toSorted()
}

async function matchFiles(pattern: string, folder: string): Promise<readonly string[]> {
  const files: string[] = []
  // A glob of nothing but the folder itself matches nothing.
  const isHere = /^\.\/*$/.test(pattern)
  for await (const match of glob(isHere ? '**' : pattern, { cwd: folder })) {
    const path = resolve(folder, match)
    const info = await stat(path)
    if (info.isFile()) files.push(path)
    else if (info.isDirectory()) files.push(...(await filesIn(path)))
  }
  return files
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const files: string[] = []
  for await (const entry of glob('**', { cwd: folder, withFileTypes: true })) {
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name))
  }
  return files
}

function noMatch(pattern: string, folder: string): CountersignError {
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `no file matches "${pattern}"`, {
    hint: `paths are relative to ${folder}; was the artifact built, or downloaded, before this step?`,
    details: { pattern },
  })
}
