/** Opening registries in tests. */
import type { OciStore } from '../../src/oci/artifact-store.ts'
import { anonymous, type RegistryCredentialSource } from '../../src/oci/credentials.ts'
import { RegistryClient } from '../../src/oci/registry-client.ts'
import { createRegistryStore, type ReferrersMode } from '../../src/oci/registry-store.ts'
import { Repository } from '../../src/oci/repository.ts'
import type { Runtime } from '../../src/basics/runtime.ts'
import { pushBlob, pushManifest } from '../../src/oci/upload.ts'
import type { Image } from '../support/oci-content.ts'
import { ACCOUNT } from '../support/registry/accounts.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

/** How a registry is opened. */
export interface OpenOptions {
  readonly repository?: string
  readonly credentials?: RegistryCredentialSource
  readonly referrersMode?: ReferrersMode
  readonly runtime?: Runtime
  readonly maxTries?: number
}

/** Credentials that need no file. */
export function password(username: string, secret: string): RegistryCredentialSource {
  return () => Promise.resolve({ kind: 'password', username, password: secret, source: 'the test' })
}

/** The account of a registry double. */
export const login: RegistryCredentialSource = password(ACCOUNT.username, ACCOUNT.password)

/** Opens a repository, `app` unless named, with a client of its own. */
export function openRegistry(host: string, options: OpenOptions = {}): OciStore {
  const { repository = 'app', referrersMode } = options
  return createRegistryStore({ client: client(options), registry: host, repository, referrersMode })
}

/** Pushes an image or index with its blobs, and tags it where a tag is given. */
export async function pushImage(
  host: string,
  image: Image,
  { tag, ...options }: OpenOptions & { readonly tag?: string } = {},
): Promise<void> {
  const { repository: name = 'app' } = options
  const repository = new Repository({ client: client(options), registry: host, repository: name })
  for (const blob of image.blobs) await pushBlob(repository, blob, 'application/octet-stream')
  const { mediaType, digest } = image.descriptor
  await pushManifest(repository, { reference: tag ?? digest, bytes: image.bytes, mediaType })
}

function client(options: OpenOptions): RegistryClient {
  const { credentials = anonymous, runtime = createTestRuntime(), maxTries } = options
  return new RegistryClient({ runtime, credentials, maxTries })
}
