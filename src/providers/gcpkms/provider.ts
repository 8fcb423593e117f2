/** Keys in Google Cloud KMS. */
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
import { createGcpKmsClient, type GcpKmsClient } from './client.ts'
import { createGcpKey, createGcpKeyOnce } from './create.ts'
import { diagnoseGcpKey } from './diagnose.ts'
import { createGcpSigner, readGcpKey } from './key.ts'
import { destroyGcpKey, disableGcpKey, restoreGcpKey } from './retire.ts'
import type { GcpKmsUri } from './uri.ts'

/** What the provider takes of the process; the rest is Node's. */
export interface GcpKmsProviderOptions
  extends Pick<Surroundings, 'env' | 'fetch' | 'now'>, Partial<Pick<Runtime, 'pause'>> {}

/** What can be done with keys in Cloud KMS: everything. */
export type GcpKmsKeys = KeyProvider &
  KeyDiagnostics &
  RepeatableCreation &
  KeyPinning &
  KeyDisabler &
  KeyDestroyer &
  DestructionCanceller

/** Opens and makes keys in Cloud KMS. A Signer makes one call per signature, on the version that it pinned. */
export function openGcpKms({ env, fetch, now, pause }: GcpKmsProviderOptions): GcpKmsKeys {
  const runtime: Runtime = {
    ...createRuntime(() => now().getTime()),
    fetch,
    ...(pause && { pause }),
  }
  let connected: GcpKmsClient | undefined
  let isDisposed = false

  function admit(uri: KeyUri, signal?: AbortSignal): readonly [GcpKmsClient, GcpKmsUri] {
    if (isDisposed) throw disposedProvider('gcpkms')
    assertNotCancelled(signal)
    if (uri.scheme !== 'gcpkms') throw wrongScheme('gcpkms', uri)
    connected ??= createGcpKmsClient({ env, runtime })
    return [connected, uri]
  }

  return {
    async describe(uri, options) {
      return (await readGcpKey(...admit(uri, options?.signal), options)).publicKey
    },
    async open(uri, options) {
      const [client, gcpUri] = admit(uri, options?.signal)
      return createGcpSigner(client, await readGcpKey(client, gcpUri, options))
    },
    async create(request) {
      return createGcpKey(...admit(request.uri, request.signal), request)
    },
    async createOnce(request) {
      return createGcpKeyOnce(...admit(request.uri, request.signal), request)
    },
    async pin(uri, options) {
      const [client, gcpUri] = admit(uri, options?.signal)
      const { version } = await readGcpKey(client, gcpUri, options)
      const { ring, key } = gcpUri
      return { scheme: 'gcpkms', ring, key, version }
    },
    async disable({ uri }) {
      await disableGcpKey(...admit(uri))
    },
    async destroy({ uri }) {
      return destroyGcpKey(...admit(uri))
    },
    async cancelDestruction({ uri }) {
      await restoreGcpKey(...admit(uri))
    },
    async diagnose(uri, options) {
      return diagnoseGcpKey(...admit(uri, options?.signal), options)
    },
    [Symbol.asyncDispose]() {
      isDisposed = true
      connected = undefined
      return Promise.resolve()
    },
  }
}
