/**
 * Where the mode `verify` finds what is signed: the bundle that is named, the file beside an artifact, the
 * registry of an image, and GitHub's attestations where there is nothing else. All of it is
 * attacker-controlled.
 *
 * @packageDocumentation
 */
import { placeBundle, readBundles } from '../src/artifacts/bundle-files.ts'
import { digestStem } from '../src/artifacts/named-artifact.ts'
import { type FoundAttachments, readAttachments } from '../src/oci/attachments.ts'
import type { Policy } from '../src/verification/policy.ts'
import type { Attached } from '../src/verification/verify-artifact.ts'
import { describeFailure, isNotFound } from './github-attestations.ts'
import { downloadBundles } from './github-download.ts'
import type { VerifyInputs } from './inputs.ts'
import { createStepStores } from './registry.ts'
import { stepPath } from './step-path.ts'
import type { StepContext } from './step.ts'
import type { ActionSubject } from './subjects.ts'

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
  const files = await readFiles(subject, bundle, context)
  if (files !== undefined && bundle !== undefined) return files
  const found = files ?? (await findStored(subject, { policy, maxAttached, context }))
  if (found.attached.length > 0 || github.attestations === 'false') return found
  return { attached: await askGithub(subject), unreadable: found.unreadable }
}

interface StoredPlace extends Pick<Places, 'policy' | 'context'> {
  readonly maxAttached: number | undefined
}

async function findStored(
  { image, digest }: ActionSubject,
  { policy, maxAttached, context }: StoredPlace,
): Promise<FoundAttachments> {
  if (image === undefined) return NOTHING
  const store = await createStepStores(context).open({ kind: 'registry', ...image })
  const { signal } = context
  const { predicateTypes } = policy
  const format = 'auto'
  return readAttachments({ store, digest, format, predicateTypes, maxAttached, signal })
}

const NOTHING: FoundAttachments = { attached: [], unreadable: [] }

/** The bundles of the file that is named, or beside the artifact; a folder has one for each artifact. */
async function readFiles(
  { path: beside, image, name, digest }: ActionSubject,
  bundle: string | undefined,
  context: StepContext,
): Promise<FoundAttachments | undefined> {
  const given = bundle === undefined ? undefined : await stepPath(bundle, context)
  const stem = image === undefined ? name.replaceAll('/', '_') : digestStem(digest)
  const place = await placeBundle(given, image === undefined ? beside : undefined, stem)
  if (place === undefined) return undefined
  const path = await stepPath(place.path, context)
  return { attached: await readBundles({ ...place, path }), unreadable: [] }
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
