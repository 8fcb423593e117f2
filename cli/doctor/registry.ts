/** What doctor finds about a registry: whether it answers, and takes what is pushed. */
import { CountersignError } from '../../src/errors.ts'
import { parseArtifactReference, type RegistryArtifact } from '../../src/formats/artifact-reference.ts'
import type { RegistryClient } from '../../src/oci/registry-client.ts'
import { type Finding, look } from './finding.ts'

/**
 * Parses the value of `--registry`.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — not `oci://registry/repository`
 */
export function parseRegistry(text: string): RegistryArtifact {
  const reference = parseArtifactReference(text.includes('://') ? text : `oci://${text}`)
  if (reference.kind === 'registry') return reference
  throw new CountersignError('ERR_REFERENCE_INVALID', `"${text}" is no repository of a registry`, {
    hint: 'write oci://registry/repository',
  })
}

/** Looks at a repository; an upload is started and given up, nothing is left behind. */
export async function checkRegistry(
  { registry, repository }: RegistryArtifact,
  openClient: () => Promise<RegistryClient>,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { assertReachable, assertWritable } = await import('../../src/oci/registry-probe.ts')
  const reachable = await look('registry', 'reachable', async () => {
    await assertReachable({ client: await openClient(), registry, repository }, { signal })
    return `${registry} answers and takes the login`
  })
  if (reachable.status === 'fail') return [reachable]
  const writable = await look('registry', 'writable', async () => {
    await assertWritable({ client: await openClient(), registry, repository }, { signal })
    return `${registry}/${repository} takes uploads`
  })
  return [reachable, writable]
}
