/** What doctor finds about a registry: whether it answers, and takes what is pushed. */
import { CountersignError } from '../../src/errors.ts'
import { parseImageReference } from '../../src/formats/image-reference.ts'
import type { RegistryClient } from '../../src/oci/registry-client.ts'
import { type Finding, look } from './finding.ts'

/** A repository of a registry. */
export interface RegistryPlace {
  /** `host[:port]`. */
  readonly registry: string
  readonly repository: string
}

/**
 * Parses the value of `--registry`: a repository, or an image in it.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — malformed, or whose registry is not plain to see
 */
export function parseRegistry(text: string): RegistryPlace {
  const { domain, path } = parseImageReference(text.replace(/^oci:\/\//, ''))
  if (domain !== undefined && /[.:]|^localhost$/.test(domain)) {
    return { registry: domain, repository: path }
  }
  throw new CountersignError('ERR_REFERENCE_INVALID', `"${text}" names no registry`, {
    hint: 'write oci://registry/repository, the registry with its full name',
  })
}

/** Looks at a repository; an upload is started and given up, nothing is left behind. */
export async function checkRegistry(
  { registry, repository }: RegistryPlace,
  openClient: () => Promise<RegistryClient>,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { assertReachable, assertTakesUploads } = await import('../../src/oci/registry-probe.ts')
  const reachable = await look('registry', 'reachable', async () => {
    await assertReachable({ client: await openClient(), registry, repository }, { signal })
    return `${registry} answers and takes the login`
  })
  if (reachable.status === 'fail') return [reachable]
  const writable = await look('registry', 'writable', async () => {
    await assertTakesUploads({ client: await openClient(), registry, repository }, { signal })
    return `${registry}/${repository} takes uploads`
  })
  return [reachable, writable]
}
