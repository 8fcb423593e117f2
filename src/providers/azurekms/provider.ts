/** Keys in Azure Key Vault and in managed HSMs. */
import { assertNotCancelled } from '../../basics/cancellation.ts'
import { createRuntime, type Runtime } from '../../basics/runtime.ts'
import type {
  DestructionCanceller,
  KeyDestroyer,
  KeyDisabler,
  KeyPinning,
  RepeatableCreation,
} from '../key-lifecycle.ts'
import type { KeyUri } from '../key-uri.ts'
import {
  disposedProvider,
  type KeyDiagnostics,
  type KeyProvider,
  wrongScheme,
} from '../provider.ts'
import type { Surroundings } from '../surroundings.ts'
import { type AzureVaultClient, createAzureVaultClient } from './client.ts'
import { createAzureKey, createAzureKeyOnce } from './create.ts'
import { diagnoseAzureKey } from './diagnose.ts'
import { assertAzureVersionSigns, createAzureSigner, readAzureVersion } from './key.ts'
import { destroyAzureKey, disableAzureKey, recoverAzureKey } from './retire.ts'
import type { AzureKmsUri } from './uri.ts'

/** What the provider takes of the process; the rest is Node's. */
export interface AzureKmsProviderOptions
  extends Pick<Surroundings, 'env' | 'fetch' | 'now'>, Partial<Pick<Runtime, 'pause'>> {}

/** What can be done with keys in a vault: everything. */
export type AzureKmsKeys = KeyProvider &
  KeyDiagnostics &
  RepeatableCreation &
  KeyPinning &
  KeyDisabler &
  KeyDestroyer &
  DestructionCanceller

/** Opens and makes keys in vaults. A Signer makes one call per signature, on the version that it pinned. */
export function openAzureKms({ env, fetch, now, pause }: AzureKmsProviderOptions): AzureKmsKeys {
  const base = createRuntime(() => now().getTime())
  const runtime: Runtime = { ...base, fetch, ...(pause && { pause }) }
  const clients = new Map<string, AzureVaultClient>()
  let isDisposed = false

  function clientOf({ vault }: AzureKmsUri): AzureVaultClient {
    const client = clients.get(vault) ?? createAzureVaultClient(vault, { env, runtime })
    clients.set(vault, client)
    return client
  }

  function accept(uri: KeyUri, signal?: AbortSignal): readonly [AzureVaultClient, AzureKmsUri] {
    if (isDisposed) throw disposedProvider('azurekms')
    assertNotCancelled(signal)
    if (uri.scheme !== 'azurekms') throw wrongScheme('azurekms', uri)
    return [clientOf(uri), uri]
  }

  return {
    describe: async (uri, options) =>
      (await readAzureVersion(...accept(uri, options?.signal), options)).publicKey,
    open: async (uri, options) => {
      const [client, azureUri] = accept(uri, options?.signal)
      const found = await readAzureVersion(client, azureUri, options)
      assertAzureVersionSigns(client, found)
      return createAzureSigner(client, found)
    },
    create: async (request) => createAzureKey(...accept(request.uri, request.signal), request),
    createOnce: async (request) =>
      createAzureKeyOnce(...accept(request.uri, request.signal), request),
    pin: async (uri, options) => {
      const [client, azureUri] = accept(uri, options?.signal)
      const { key, version } = await readAzureVersion(client, azureUri, options)
      return { scheme: 'azurekms', vault: client.vault, key, version }
    },
    disable: async ({ uri }) => disableAzureKey(...accept(uri)),
    destroy: async ({ uri }) => destroyAzureKey(...accept(uri)),
    cancelDestruction: async ({ uri }) => recoverAzureKey(...accept(uri)),
    diagnose: async (uri, options) => diagnoseAzureKey(...accept(uri, options?.signal), options),
    [Symbol.asyncDispose]: () => {
      isDisposed = true
      clients.clear()
      return Promise.resolve()
    },
  }
}
