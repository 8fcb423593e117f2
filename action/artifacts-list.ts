/**
 * The list of artifacts that a job keeps for the step that attests them, at `GITHUB_ARTIFACTS_LIST`: names and
 * digests of files and images. Every step of the job can write it.
 *
 * @packageDocumentation
 */
import { type Digest, parseDigest } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { parseJson, readObject } from '../src/formats/json.ts'

/** One artifact of the list. */
export interface ListedArtifact {
  readonly name: string
  readonly digest: Digest
  readonly kind: 'file' | 'oci'
}

const MAX_LIST_BYTES = 4 * 1024 * 1024

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_REFERENCE_INVALID', `malformed list of artifacts: ${why}`, {
    hint: 'see which step wrote GITHUB_ARTIFACTS_LIST, or name the artifacts with subject-path',
  })
}

/**
 * Reads the list; an empty file lists nothing.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — malformed, or one name with two digests;
 * ERR_JSON_INVALID; ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export async function readArtifactsList(path: string): Promise<readonly ListedArtifact[]> {
  const bytes = await readFileBounded(path, MAX_LIST_BYTES)
  if (bytes.length === 0) return []
  const list = readObject(parseJson(bytes), malformed, 'it')
  if (list.value('version') !== 1) throw malformed('its version is not 1')
  const found = new Map<string, ListedArtifact>()
  for (const entry of list.objects('subjects')) {
    const [name, kind] = [entry.text('name'), entry.text('kind')]
    if (kind !== 'file' && kind !== 'oci') throw malformed(`"${name}" is of an unknown kind`)
    const digest = parseDigest(entry.text('digest'))
    const earlier = found.get(`${kind} ${name}`)
    if (earlier !== undefined && earlier.digest !== digest)
      throw malformed(`"${name}" has two different digests`)
    found.set(`${kind} ${name}`, { name, digest, kind })
  }
  return [...found.values()]
}
