/** The outputs of a step that made something, and the file of its bundles. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePrivateFolder, writeFileAtomically } from '../src/files.ts'
import type { Upload } from './github-attestations.ts'
import type { StepSignature } from './step-signer.ts'
import type { PublishedItem } from './registry.ts'
import { appendLine } from './runner.ts'
import { type StepContext, variable } from './step.ts'

/** The file in which later steps of the job find all bundles, by the name that actions/attest gave it. */
const CREATED_PATHS = 'created_attestation_paths.txt'

/** Where everything went. */
export interface Delivered {
  /** Path of the file with the bundles, one a line; undefined where there are none. */
  readonly kept: string | undefined
  readonly published: readonly PublishedItem[]
  readonly uploads: readonly Upload[]
  /** Ids of GitHub's storage records. */
  readonly records: readonly string[]
}

/** All outputs of a job together may have 1 MiB. */
const MAX_BUNDLES_CHARACTERS = 256 * 1024

/**
 * Writes the bundles into a new folder of the job, in one step, and adds their path to the list that later
 * steps read.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — the disk is full, say; nothing is published then
 */
export async function keepBundles(
  items: readonly StepSignature[],
  context: StepContext,
): Promise<string | undefined> {
  const lines = bundlesOf(items)
  if (lines.length === 0) return undefined
  const temp = variable(context, 'RUNNER_TEMP')
  const folder = join(temp ?? tmpdir(), `countersign-${randomUUID()}`)
  await makePrivateFolder(folder)
  const path = join(folder, 'bundles.sigstore.json')
  await writeFileAtomically(path, `${lines.join('\n')}\n`)
  if (temp !== undefined) await appendLine(join(temp, CREATED_PATHS), path)
  return path
}

/** Makes the outputs by the names of action.yml. */
export function toOutputs(
  items: readonly StepSignature[],
  { kept, published, uploads, records }: Delivered,
  { log }: StepContext,
): Readonly<Record<string, string>> {
  const bundles = `[${bundlesOf(items).join(',')}]`
  const isFit = bundles.length <= MAX_BUNDLES_CHARACTERS
  if (!isFit) log.say('the bundles are too long for the output "bundles"; bundle-path has them')
  const [first] = items
  const lines = (values: readonly (string | number | undefined)[]): string =>
    values.filter((value) => value !== undefined).join('\n')
  return {
    'bundle-path': kept ?? '',
    ...(isFit && { bundles }),
    'key-id': first?.key.kid ?? '',
    'key-version': String(first?.key.version ?? ''),
    'referrer-digest': lines(published.map(({ digest }) => digest)),
    'log-index': lines(items.map(({ logIndex }) => logIndex)),
    'attestation-id': lines(uploads.map(({ id }) => id)),
    'attestation-url': lines(uploads.map(({ url }) => url)),
    'storage-record-ids': records.join(','),
    verified: 'true',
  }
}

function bundlesOf(items: readonly StepSignature[]): readonly string[] {
  return items.flatMap(({ bundle }) =>
    bundle === undefined ? [] : Buffer.from(bundle.bundle).toString('utf8').trim(),
  )
}
