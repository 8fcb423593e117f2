/**
 * The places images are in: one client for all registries, with the user's credentials. The registry client
 * is loaded when the first image is named.
 *
 * @packageDocumentation
 */
import { homedir } from 'node:os'
import { readFileBounded } from '../files.ts'
import type { LayoutArtifact, RegistryArtifact } from '../formats/artifact-reference.ts'
import type { OciStore } from '../oci/artifact-store.ts'
import type { RegistryClient } from '../oci/registry-client.ts'
import type { ReferrersMode } from '../oci/registry-store.ts'
import type { Runtime } from '../basics/runtime.ts'

/** How registries are reached. */
export interface RegistrySettings {
  /** File with the certificate authority of registries. */
  readonly ca?: string | undefined
  /** Registries that are spoken to without TLS, or all of them. */
  readonly plainHttp?: true | readonly string[] | undefined
  readonly referrersMode?: ReferrersMode | undefined
}

/** What stores are opened with. */
export interface ImageStoresOptions {
  /** Names the home directory, and what docker and podman look at. */
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly runtime: () => Promise<Runtime>
  readonly settings?: (() => Promise<RegistrySettings>) | undefined
}

/** Opens stores. */
export interface ImageStores {
  /**
   * Opens the repository or layout of an image; nothing is asked of a registry yet.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_MANIFEST_INVALID — no layout there;
   * ERR_FILE_READ, ERR_CONFIG_INVALID — the certificate authority
   */
  open(reference: RegistryArtifact | LayoutArtifact): Promise<OciStore>
  /** The client of all registries, for what goes beyond stores. Throws as open does. */
  client(): Promise<RegistryClient>
  /** Timers and chance, for work that goes on in an open store. */
  runtime(): Promise<Runtime>
}

const MAX_CA_BYTES = 1024 * 1024

/** Prepares the opening of stores; nothing is loaded or read yet. */
export function createImageStores(options: ImageStoresOptions): ImageStores {
  const runtime = once(options.runtime)
  const settings = once(async () => (await options.settings?.()) ?? {})
  const client = once(async () =>
    createClient(options.variables, await settings(), await runtime()),
  )

  async function openRegistry({ registry, repository }: RegistryArtifact): Promise<OciStore> {
    const { createRegistryStore } = await import('../oci/registry-store.ts')
    const { referrersMode } = await settings()
    return createRegistryStore({ client: await client(), registry, repository, referrersMode })
  }

  return {
    client,
    runtime,
    open: async (reference) => {
      if (reference.kind === 'registry') return openRegistry(reference)
      const { openImageLayout } = await import('../oci/layout.ts')
      return openImageLayout(reference.directory, await runtime())
    },
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

async function createClient(
  variables: ImageStoresOptions['variables'],
  { ca, plainHttp }: RegistrySettings,
  runtime: Runtime,
): Promise<RegistryClient> {
  const [{ RegistryClient }, { createCredentialSource }] = await Promise.all([
    import('../oci/registry-client.ts'),
    import('../oci/credentials.ts'),
  ])
  if (ca !== undefined) {
    const { trustCertificateAuthority } = await import('../oci/certificate-authority.ts')
    trustCertificateAuthority(Buffer.from(await readFileBounded(ca, MAX_CA_BYTES)).toString())
  }
  const home = variables['HOME'] ?? ''
  const homeDirectory = home === '' ? homedir() : home
  const credentials = createCredentialSource({ variables, homeDirectory })
  return new RegistryClient({ runtime, credentials, plainHttp })
}
