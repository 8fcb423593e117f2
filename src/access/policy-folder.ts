/** Reads the policies of a folder. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../errors.ts'
import { readFileBounded } from '../files.ts'
import type { PolicySource } from './policy-problem.ts'

const MAX_FILES = 1000
const MAX_BYTES = 1024 * 1024

/**
 * Reads every `*.cedar` file of a folder, in the order of their names; folders in it and hidden files
 * are left alone.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — no such folder, a file that can't be read;
 * ERR_POLICY_INVALID — no policy file at all, which would deny everything, or too many;
 * ERR_INPUT_TOO_LARGE — a file over 1 MiB
 */
export async function readPolicyFolder(folder: string): Promise<readonly PolicySource[]> {
  const names = await listFolder(folder)
  const files = names.filter((name) => name.endsWith('.cedar') && !name.startsWith('.')).sort()
  if (files.length === 0 || files.length > MAX_FILES) {
    const message = `"${folder}" has ${files.length} files named *.cedar`
    throw new CountersignError('ERR_POLICY_INVALID', message, {
      hint: `put the policies there, in 1 to ${MAX_FILES} files; without one everything is denied`,
      details: { folder, files: files.length },
    })
  }
  const sources: PolicySource[] = []
  for (const name of files) {
    const file = join(folder, name)
    const bytes = await readFileBounded(file, MAX_BYTES)
    sources.push({ file, text: Buffer.from(bytes).toString('utf8') })
  }
  return sources
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new CountersignError('ERR_FILE_READ', `can't read the folder "${folder}": ${errno}`, {
      hint: 'name the folder of the Cedar policies: access.policies in countersign.yaml',
      details: { path: folder, errno },
      cause,
    })
  }
}
