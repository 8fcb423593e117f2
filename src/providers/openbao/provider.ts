/** Keys in the transit engines of OpenBao and HashiCorp Vault. */
import { createRuntime, type Runtime } from '../../basics/runtime.ts'
import { assertNotCancelled } from '../../basics/cancellation.ts'
import { createFetch } from '../../client/proxied-fetch.ts'
import type { PublicKeyInfo } from '../../crypto/public-key.ts'
import { readFileBounded } from '../../files.ts'
import type { Signer } from '../../signing/signer.ts'
import type {
  CreateOnceRequest,
  Destruction,
  KeyDestroyer,
  KeyDisabler,
  KeyPinning,
  PinnedKeyPair,
  RepeatableCreation,
} from '../key-lifecycle.ts'
import type { KeyUri } from '../key-uri.ts'
import {
  type CreateKeyRequest,
  type Diagnosis,
  disposedProvider,
  type KeyDiagnostics,
  type KeyProvider,
  type OpenKeyOptions,
  wrongScheme,
} from '../provider.ts'
import type { Surroundings } from '../surroundings.ts'
import { type BaoClient, createBaoClient } from './client.ts'
import { createTransitKey, createTransitKeyOnce } from './create.ts'
import { diagnoseTransitKey } from './diagnose.ts'
import { assertVersionSigns, createTransitSigner, readTransitVersion } from './key.ts'
import { destroyTransitKey, disableTransitKey } from './retire.ts'
import { baoVariable, completePlace } from './settings.ts'
import type { OpenBaoUri } from './uri.ts'

/** What the provider takes of the process; the rest is Node's. */
export interface OpenBaoProviderOptions
  extends
    Pick<Surroundings, 'env' | 'fetch' | 'now' | 'readSecret'>,
    Partial<Pick<Runtime, 'pause'>> {}

/** What can be done with transit keys: all but taking a destruction back, which is final. */
export type OpenBaoKeys = KeyProvider &
  KeyDiagnostics &
  RepeatableCreation &
  KeyPinning &
  KeyDisabler &
  KeyDestroyer

/** A file of certificates of authorities is no longer. */
const MAX_CA_BYTES = 1024 * 1024

/** Opens and makes keys in transit engines. A Signer makes one call per signature, with the version it pinned. */
export function openOpenBao(options: OpenBaoProviderOptions): OpenBaoKeys {
  return new OpenBaoProvider(options)
}

class OpenBaoProvider implements OpenBaoKeys {
  readonly #options: OpenBaoProviderOptions
  /** Filled by #client, emptied by dispose. */
  readonly #clients = new Map<string, Promise<BaoClient>>()
  #isDisposed = false

  constructor(options: OpenBaoProviderOptions) {
    this.#options = options
  }

  async describe(uri: KeyUri, options?: OpenKeyOptions): Promise<PublicKeyInfo> {
    const baoUri = this.#accept(uri, options?.signal)
    return (await readTransitVersion(await this.#client(baoUri), baoUri, options)).publicKey
  }

  async open(uri: KeyUri, options?: OpenKeyOptions): Promise<Signer> {
    const baoUri = this.#accept(uri, options?.signal)
    const client = await this.#client(baoUri)
    const found = await readTransitVersion(client, baoUri, options)
    assertVersionSigns(client, found)
    return createTransitSigner(client, found)
  }

  async create(request: CreateKeyRequest): Promise<KeyUri> {
    const uri = this.#accept(request.uri, request.signal)
    return createTransitKey(await this.#client(uri), uri, request)
  }

  async createOnce(request: CreateOnceRequest): Promise<KeyUri> {
    const uri = this.#accept(request.uri, request.signal)
    return createTransitKeyOnce(await this.#client(uri), uri, request)
  }

  async pin(uri: KeyUri, options?: OpenKeyOptions): Promise<KeyUri> {
    const baoUri = this.#accept(uri, options?.signal)
    const { version } = await readTransitVersion(await this.#client(baoUri), baoUri, options)
    return { ...baoUri, version }
  }

  async disable(pair: PinnedKeyPair): Promise<void> {
    const uri = this.#accept(pair.uri)
    await disableTransitKey(await this.#client(uri), uri, pair)
  }

  async destroy(pair: PinnedKeyPair): Promise<Destruction> {
    const uri = this.#accept(pair.uri)
    await destroyTransitKey(await this.#client(uri), uri, pair)
    return { effectiveAt: undefined }
  }

  async diagnose(uri: KeyUri, options?: OpenKeyOptions): Promise<readonly Diagnosis[]> {
    const baoUri = this.#accept(uri, options?.signal)
    return diagnoseTransitKey(() => this.#client(baoUri), baoUri, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#clients.clear()
    return Promise.resolve()
  }

  #accept(uri: KeyUri, signal?: AbortSignal): OpenBaoUri {
    if (this.#isDisposed) throw disposedProvider('openbao')
    assertNotCancelled(signal)
    if (uri.scheme === 'openbao') return uri
    throw wrongScheme('openbao', uri)
  }

  /** One for each namespace and engine. */
  #client(uri: OpenBaoUri): Promise<BaoClient> {
    const { namespace, mount } = uri
    const id = JSON.stringify([namespace, mount])
    const known = this.#clients.get(id)
    if (known !== undefined) return known
    const client = this.#connect(uri)
    this.#clients.set(id, client)
    // A failure is not remembered: the environment may be fixed while this process runs.
    client.catch(() => this.#clients.delete(id))
    return client
  }

  async #connect(uri: OpenBaoUri): Promise<BaoClient> {
    const { env, fetch, now, pause, readSecret } = this.#options
    const server = completePlace(uri, env)
    const path = baoVariable(env, 'CACERT')
    const ca = path === undefined ? undefined : await readFileBounded(path, MAX_CA_BYTES)
    const runtime: Runtime = {
      ...createRuntime(() => now().getTime()),
      fetch: ca === undefined ? fetch : createFetch(env, { ca: Buffer.from(ca) }),
      ...(pause && { pause }),
    }
    return createBaoClient(server, { env, readSecret, runtime })
  }
}
