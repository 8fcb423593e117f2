/**
 * Where the mode `verify` finds what is signed: the bundle that is named, the file beside an artifact, the
 * registry of an image, and GitHub's attestations where there is nothing else. All of it is
 * attacker-controlled.
 *
 * @packageDocumentation
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasErrno, readFileBounded } from '../src/files.ts'
import { MAX_BUNDLE_BYTES, splitBundles } from '../src/formats/bundle.ts'
import type { FoundAttachments } from '../src/oci/attachments.ts'
import { readAttachments } from '../src/oci/attachments.ts'
import type { Policy } from '../src/verification/policy.ts'
import type { Attached } from '../src/verification/verify-artifact.ts'
import { describeFailure, isNotFound } from './github-attestations.ts'
import { downloadBundles } from './github-download.ts'
import type { VerifyInputs } from './inputs.ts'
import { createStores } from './registry.ts'
import { stepPath } from './step-path.ts'
import type { StepContext } from './step.ts'
import type { ActionSubject } from './subjects.ts'

const SUFFIX = '.sigstore.json'

/** Where bundles are looked for, and which are wanted. */
export interface Places {
  readonly policy: Policy
  readonly askGithub: GithubReader
  readonly context: StepContext
}

/** Finds what GitHub keeps of an artifact. */
export type GithubReader = (subject: ActionSubject) => Promise<readonly Attached[]>

/**
 * Finds what is signed of one artifact.
 *
 * @throws {@link CountersignError} ERR_FILE_READ, ERR_BUNDLE_INVALID… — a bundle that is named; and the
 * registry's errors
 */
export async function findBundles(
  subject: ActionSubject,
  { bundle, github, maxAttached }: VerifyInputs,
  { policy, askGithub, context }: Places,
): Promise<FoundAttachments> {
  if (bundle !== undefined) {
    const path = await bundlePath(await stepPath(bundle, context), subject)
    return { attached: await readBundleFile(path, context), unreadable: [] }
  }
  const found = await findStored(subject, { policy, maxAttached, context })
  if (found.attached.length > 0 || github.attestations === 'false') return found
  return { attached: await askGithub(subject), unreadable: found.unreadable }
}

interface StoredPlace extends Pick<Places, 'policy' | 'context'> {
  readonly maxAttached: number | undefined
}

async function findStored(
  { path, image, digest }: ActionSubject,
  { policy, maxAttached, context }: StoredPlace,
): Promise<FoundAttachments> {
  if (image !== undefined) {
    const store = createStores(context)(image)
    const { signal } = context
    const { predicateTypes } = policy
    const format = 'auto'
    return readAttachments({ store, digest, format, predicateTypes, maxAttached, signal })
  }
  if (path === undefined) return { attached: [], unreadable: [] }
  return { attached: await readBeside(`${path}${SUFFIX}`, context), unreadable: [] }
}

/** A folder has one bundle for each artifact, called like the file. */
async function bundlePath(given: string, { name }: ActionSubject): Promise<string> {
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isFolder ? join(given, `${name.replaceAll('/', '_')}${SUFFIX}`) : given
}

async function readBeside(path: string, context: StepContext): Promise<readonly Attached[]> {
  try {
    return await readBundleFile(path, context)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  }
}

async function readBundleFile(path: string, context: StepContext): Promise<readonly Attached[]> {
  const bundles = splitBundles(
    await readFileBounded(await stepPath(path, context), MAX_BUNDLE_BYTES),
  )
  return bundles.map((bytes, index) => ({
    kind: 'bundle',
    source: bundles.length === 1 ? path : `${path} line ${index + 1}`,
    bytes,
  }))
}

/**
 * Opens GitHub's attestations, asked last and best effort: whether anything is signed is decided by what
 * was found. A GitHub that fails is asked no more, so that many artifacts wait no longer than one.
 */
export function createGithubReader(token: string | undefined, context: StepContext): GithubReader {
  const failures: unknown[] = []
  return async ({ digest }) => {
    if (failures.length > 0) return []
    try {
      return await downloadBundles(digest, token, context)
    } catch (thrown) {
      if (!isNotFound(thrown) && failures.push(thrown) === 1) {
        const title = "GitHub's attestations can't be read"
        context.log.annotate('warning', title, describeFailure(thrown))
      }
      return []
    }
  }
}
