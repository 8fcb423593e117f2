/**
 * The artifacts of a step: files by globs, digests, checksum files, or the list of artifacts that the job
 * keeps (`GITHUB_ARTIFACTS_LIST`).
 *
 * @packageDocumentation
 */
import { basename, dirname, resolve } from 'node:path'
import { type Digest, digestStream, type HashName, parseDigest } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import { findListedFile, isWithin, readFileBounded, readFileChunks } from '../src/files.ts'
import { assertListedContent, type Checksum, parseChecksums } from '../src/formats/checksums.ts'
import { imageName, normalizeImageName } from '../src/formats/image-reference.ts'
import { mapConcurrent } from '../src/basics/map-concurrent.ts'
import { readArtifactsList } from './artifacts-list.ts'
import { findFiles } from './file-globs.ts'
import { usage } from './input-reader.ts'
import type { SubjectInputs } from './inputs.ts'
import { stepPath } from './step-path.ts'
import { type StepContext, variable, workspace } from './step.ts'

/** One artifact. */
export interface ActionSubject {
  /** What a statement calls it; an image by its repository. */
  readonly name: string
  readonly digest: Digest
  /** Where an image is. */
  readonly image?: { readonly registry: string; readonly repository: string }
  /** Absolute path of a file that was read. */
  readonly path?: string
  /** A file that a checksum list names and that is not there: nothing was read. */
  readonly isDigestOnly?: true
}

/** How subjects are read. */
export interface SubjectOptions {
  /** Whether a name is that of an image, for it will be pushed to. */
  readonly areImages: boolean
  /** The hash files are read with. */
  readonly hash: HashName
  /** Whether each pattern must find a file. */
  readonly isEachDemanded: boolean
}

/** As many as one statement of actions/attest has. */
const MAX_SUBJECTS = 1024
const MAX_CHECKSUM_BYTES = 4 * 1024 * 1024
const AT_ONCE = 4
const IMAGE = 'oci://'

/**
 * Reads the artifacts that the inputs name; the same name and digest twice is one.
 *
 * @throws {@link CountersignError} ERR_USAGE — none are named, or too many; ERR_ARTIFACT_NOT_FOUND — globs that
 * match nothing; ERR_REFERENCE_INVALID — a malformed digest, checksum, list or image; ERR_FILE_READ
 */
export async function readSubjects(
  inputs: SubjectInputs,
  options: SubjectOptions,
  context: StepContext,
): Promise<readonly [ActionSubject, ...ActionSubject[]]> {
  const found = await findSubjects(inputs, options, context)
  const byIdentity = new Map(found.map((one) => [`${one.name} ${one.digest}`, one]))
  const [first, ...more] = byIdentity.values()
  if (first === undefined) {
    throw usage(
      'nothing says which artifacts are meant',
      'set subject-path, subject-digest with subject-name, or subject-checksums',
    )
  }
  if (more.length >= MAX_SUBJECTS) {
    throw usage(`there are ${more.length + 1} artifacts, over ${MAX_SUBJECTS}`, 'name fewer')
  }
  return [first, ...more]
}

async function findSubjects(
  { paths, digest, name, checksums }: SubjectInputs,
  options: SubjectOptions,
  context: StepContext,
): Promise<readonly ActionSubject[]> {
  if (paths.length > 0) {
    const { isEachDemanded } = options
    const limits = { maxFiles: MAX_SUBJECTS, isEachDemanded }
    return readFiles(await findFiles(paths, limits, context), name, options)
  }
  if (digest !== undefined) return [toSubject(name ?? '', parseDigest(digest), options.areImages)]
  if (checksums !== undefined) return readChecksums(checksums, context)
  const list = variable(context, 'GITHUB_ARTIFACTS_LIST')
  if (list === undefined) return []
  const listed = await readArtifactsList(await stepPath(list, context))
  return listed.map((one) => toSubject(one.name, one.digest, one.kind === 'oci'))
}

function readFiles(
  files: readonly string[],
  name: string | undefined,
  { hash }: SubjectOptions,
): Promise<readonly ActionSubject[]> {
  if (name !== undefined && files.length > 1) {
    throw usage(`subject-name is one name, and ${files.length} files are meant`, 'leave it out')
  }
  return mapConcurrent(files, AT_ONCE, async (path) => {
    const digests = await digestStream(readFileChunks(path), [hash])
    return { name: name ?? basename(path), digest: digests[hash], path }
  })
}

/** A path of one line is a file, where it is there; anything else is the checksums themselves. */
async function readChecksums(
  text: string,
  context: StepContext,
): Promise<readonly ActionSubject[]> {
  const isText = text.includes('\n') || /^\\?[0-9a-f]{64,128} |\) ?= [0-9a-f]{64,128}$/i.test(text)
  const list = isText ? undefined : await stepPath(text, context)
  const bytes =
    list === undefined ? Buffer.from(text) : await readFileBounded(list, MAX_CHECKSUM_BYTES)
  const checksums = parseChecksums(bytes)
  if (checksums.length > MAX_SUBJECTS) {
    throw usage(`subject-checksums has over ${MAX_SUBJECTS} lines`, 'name fewer')
  }
  const folders = [workspace(context), ...(list === undefined ? [] : [dirname(list)])]
  const subjects = await mapConcurrent(checksums, AT_ONCE, (one) =>
    readListed(one, folders, context),
  )
  const unread = subjects.filter(({ isDigestOnly }) => isDigestOnly).length
  if (unread > 0) {
    context.log.say(
      `${unread} of ${subjects.length} listed files are not here: only digests are known`,
    )
  }
  return subjects
}

/** A file that is there must be what its line says; of one that is not, only the digest is known. */
async function readListed(
  { name, digest }: Checksum,
  folders: readonly string[],
  context: StepContext,
): Promise<ActionSubject> {
  const subject = { name: basename(name), digest }
  const path = await findListedFile(name, folders)
  if (path === undefined) return { ...subject, isDigestOnly: true }
  await assertListedPlace(path, folders, context)
  await assertListedContent(path, [digest], readFileChunks(path))
  return { ...subject, path: resolve(path) }
}

/** A list may be the work of a pull request's author: it has no file read that is elsewhere. */
async function assertListedPlace(
  path: string,
  folders: readonly string[],
  { followLinks = false }: StepContext,
): Promise<void> {
  const within = await Promise.all(folders.map((folder) => isWithin(path, folder)))
  if (followLinks || within.includes(true)) return
  throw new CountersignError(
    'ERR_FILE_READ',
    `the checksum list names "${path}", which is outside of the workspace and of the folder of the list`,
    {
      hint: 'list the files by their paths in the workspace, or set the input follow-links to true',
      details: { path },
    },
  )
}

/** A name whose first part is plainly a registry: `ghcr.io/acme/app`, `localhost:5000/app`. */
function isImageName(text: string): boolean {
  return text.startsWith(IMAGE) || /^(?:[\w-]+[.:][\w.:-]*|localhost)\/[^\s]+$/.test(text)
}

function toSubject(text: string, digest: Digest, isImage: boolean): ActionSubject {
  if (!isImage && !isImageName(text)) return { name: text, digest }
  const written = text.startsWith(IMAGE) ? text.slice(IMAGE.length) : text
  // GitHub's names may have capitals, which no repository has.
  const { domain, path } = normalizeImageName(written.toLowerCase())
  if (!digest.startsWith('sha256:')) {
    throw new CountersignError('ERR_REFERENCE_INVALID', `"${text}" is an image without sha256`, {
      hint: 'give the sha256 digest of its manifest or index',
    })
  }
  return {
    name: imageName({ domain, path }),
    digest,
    image: { registry: domain, repository: path },
  }
}
