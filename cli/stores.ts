/**
 * The places images are in, as one command reaches them: one client for all registries, with the
 * user's credentials. The registry client is loaded when the first image is named.
 *
 * @packageDocumentation
 */
import { homedir } from 'node:os'
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import type { LayoutArtifact, RegistryArtifact } from '../src/formats/artifact-reference.ts'
import type { OciStore } from '../src/oci/artifact-store.ts'
import type { RegistryClient } from '../src/oci/registry-client.ts'
import type { ReferrersMode } from '../src/oci/registry-store.ts'
import type { Runtime } from '../src/oci/runtime.ts'
import type { CommandEnvironment } from './command.ts'
import { type ConfigFlags, readCommandConfig } from './configuration.ts'
import { createCommandRuntime } from './runtime.ts'

/** Options that tell how registries are reached; the configuration says what they leave open. */
export interface StoreFlags extends ConfigFlags {
  readonly ca?: string | undefined
  readonly plainHttp?: true | undefined
  readonly referrersMode?: ReferrersMode | undefined
  readonly offline?: true | undefined
}

/** Opens stores for one command. */
export interface Stores {
  /**
   * Opens the repository or layout of an image; nothing is asked of a registry yet.
   *
   * @throws {@link CountersignError} ERR_USAGE — a registry, with `--offline`; ERR_ARTIFACT_NOT_FOUND,
   * ERR_MANIFEST_INVALID — no layout there; ERR_FILE_READ, ERR_CONFIG_INVALID — `--ca`
   */
  open(reference: RegistryArtifact | LayoutArtifact): Promise<OciStore>
  /** The client of all registries, for what goes beyond stores. Throws as open does for `--ca`. */
  client(): Promise<RegistryClient>
  /** Timers and chance, for work that goes on in an open store. */
  runtime(): Promise<Runtime>
}

const MAX_CA_BYTES = 1024 * 1024

/** Prepares the opening of stores; nothing is loaded or read yet. */
export function createStores(environment: CommandEnvironment, flags: StoreFlags): Stores {
  const runtime = once(() => createCommandRuntime(environment))
  const settings = once(() => readSettings(environment, flags))
  const client = once(async () => createClient(environment, await settings(), await runtime()))

  async function openRegistry(reference: RegistryArtifact): Promise<OciStore> {
    const { registry, repository } = reference
    if (flags.offline === true) throw offline(registry)
    const { createRegistryStore } = await import('../src/oci/registry-store.ts')
    const { referrersMode } = await settings()
    return createRegistryStore({ client: await client(), registry, repository, referrersMode })
  }

  return {
    client,
    runtime,
    open: async (reference) => {
      if (reference.kind === 'registry') return openRegistry(reference)
      const { openImageLayout } = await import('../src/oci/layout.ts')
      return openImageLayout(reference.directory, await runtime())
    },
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

/** How registries are reached, all said and done. */
interface Settings {
  readonly ca: string | undefined
  readonly plainHttp: true | readonly string[]
  readonly referrersMode: ReferrersMode
}

async function readSettings(
  environment: CommandEnvironment,
  { config, ca, plainHttp, referrersMode }: StoreFlags,
): Promise<Settings> {
  const { registry } = await readCommandConfig(
    environment,
    { config },
    {
      'registry.ca': { flag: '--ca', value: ca },
      'registry.referrersMode': { flag: '--referrers-mode', value: referrersMode },
    },
  )
  return { ...registry, plainHttp: plainHttp ?? registry.plainHttp }
}

async function createClient(
  { context }: CommandEnvironment,
  { ca, plainHttp }: Settings,
  runtime: Runtime,
): Promise<RegistryClient> {
  const [{ RegistryClient }, { createCredentialSource }] = await Promise.all([
    import('../src/oci/registry-client.ts'),
    import('../src/oci/credentials.ts'),
  ])
  if (ca !== undefined) {
    const { trustCertificateAuthority } = await import('../src/oci/certificate-authority.ts')
    trustCertificateAuthority(Buffer.from(await readFileBounded(ca, MAX_CA_BYTES)).toString())
  }
  const { env } = context
  const homeDirectory = env['HOME'] ?? homedir()
  const credentials = createCredentialSource({ variables: env, homeDirectory })
  return new RegistryClient({ runtime, credentials, plainHttp })
}

function offline(registry: string): CountersignError {
  return new CountersignError('ERR_USAGE', `--offline, and ${registry} is on the network`, {
    hint: 'copy the image to a layout first (oci-layout://), or name it by digest with --bundle FILE',
  })
}
