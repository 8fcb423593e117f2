/** Reading attestations that GitHub keeps: a list with addresses of a blob store, which serves snappy. */
import { assertPrivate } from '../src/client/service-address.ts'
import { exchange } from '../src/client/exchange.ts'
import type { Digest } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import { MAX_BUNDLE_BYTES } from '../src/formats/bundle.ts'
import type { Attached } from '../src/verification/verify-artifact.ts'
import { createOctokit, githubRepository } from './github-attestations.ts'
import { decodeSnappy } from './snappy.ts'
import type { StepContext } from './step.ts'

const TIMEOUT_MS = 15_000
const MAX_ATTESTATIONS = 100

/**
 * Downloads the bundles about a digest that the repository of the job has.
 *
 * @throws Error — GitHub's refusals, and {@link CountersignError} of a blob that can't be had
 */
export async function downloadBundles(
  digest: Digest,
  token: string | undefined,
  context: StepContext,
): Promise<readonly Attached[]> {
  const repository = githubRepository(context)
  if (repository === undefined) return []
  const octokit = await createOctokit(token, context)
  const { data } = await octokit.rest.repos.listAttestations({
    ...repository,
    subject_digest: digest,
    per_page: MAX_ATTESTATIONS,
    request: { signal: context.runtime.deadline(TIMEOUT_MS) },
  })
  const attached: Attached[] = []
  for (const { bundle, bundle_url: address } of data.attestations ?? []) {
    const source = `GitHub attestation of ${repository.owner}/${repository.repo}`
    const bytes = await readBundle(bundle, address, context)
    if (bytes !== undefined) attached.push({ kind: 'bundle', source, bytes })
  }
  return attached
}

/** Older servers put the bundle itself into the list. */
async function readBundle(
  inline: object | null | undefined,
  address: string | undefined,
  context: StepContext,
): Promise<Uint8Array | undefined> {
  if (inline !== undefined && inline !== null) return Buffer.from(JSON.stringify(inline))
  const url = URL.parse(address ?? '')
  if (url === null) return undefined
  assertPrivate(url)
  // The address is signed; the blob store is not GitHub, so it never sees the token.
  const { status, headers, body } = await exchange(
    {
      url,
      method: 'GET',
      headers: {},
      maxBytes: MAX_BUNDLE_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal: context.signal,
    },
    context.runtime,
  )
  if (status !== 200) {
    throw new CountersignError('ERR_NETWORK', `${url.host} answers with status ${status}`, {
      details: { host: url.host, status },
    })
  }
  const isSnappy = (headers.get('content-type') ?? '').includes('snappy')
  return isSnappy ? decodeSnappy(body, MAX_BUNDLE_BYTES) : body
}
