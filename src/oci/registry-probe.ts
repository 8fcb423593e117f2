/**
 * Finding out whether a registry can be used before there is work for it: for `countersign doctor`.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { CallOptions } from './artifact-store.ts'
import { registryError } from './registry-error.ts'
import { Repository, type RepositoryOptions } from './repository.ts'
import { startUpload } from './upload.ts'

/**
 * Guarantees that a registry answers at its API's root and takes the user's login, or wants none.
 *
 * @throws {@link CountersignError} ERR_NETWORK, ERR_NOT_AUTHENTICATED; ERR_REGISTRY_PROTOCOL — no registry
 */
export async function assertReachable(
  options: RepositoryOptions,
  call: CallOptions = {},
): Promise<void> {
  const repository = new Repository(options)
  const root = new URL('/v2/', repository.origin)
  const answer = await repository.send(root, { method: 'GET', ...call })
  if (answer.status === 200) return
  if (answer.status !== 404) throw registryError(answer, `reach ${options.registry}`)
  throw new CountersignError('ERR_REGISTRY_PROTOCOL', `${options.registry} is no OCI registry`, {
    hint: 'check the host and port; the API of a registry answers at /v2/',
  })
}

/**
 * Guarantees that the user may push to a repository, by an upload that is started and cancelled: nothing
 * is stored.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED, ERR_NOT_AUTHENTICATED, ERR_NETWORK
 */
export async function assertTakesUploads(
  options: RepositoryOptions,
  call: CallOptions = {},
): Promise<void> {
  const repository = new Repository(options)
  const upload = await startUpload(repository, call)
  // What the registry says to that changes nothing: it drops uploads that are not finished.
  await repository.send(upload, { method: 'DELETE', isWrite: true, ...call })
}
