/** The AWS KMS provider: one SDK client per endpoint, region and profile, and the operations over it. */
import { type Proxies, readProxies } from '../../client/proxies.ts'
import { assertNotCancelled } from '../../basics/cancellation.ts'
import { createRuntime } from '../../basics/runtime.ts'
import { startTimer } from '../../basics/timer.ts'
import type { PublicKeyInfo } from '../../crypto/public-key.ts'
import type { Signer } from '../../signing/signer.ts'
import type {
  CreateOnceRequest,
  Destruction,
  DestructionCanceller,
  KeyDestroyer,
  KeyDisabler,
  KeyPinning,
  PinnedKeyPair,
  RepeatableCreation,
} from '../key-lifecycle.ts'
import type { EmptyCreation, MaterialImport, MaterialImporter } from '../key-material.ts'
import type { KeyUri } from '../key-uri.ts'
import {
  type CreateKeyRequest,
  type CredentialRenewal,
  type Diagnosis,
  disposedProvider,
  type KeyDiagnostics,
  type KeyProvider,
  type OpenKeyOptions,
  wrongScheme,
} from '../provider.ts'
import type { Surroundings } from '../surroundings.ts'
import type { KmsTerms } from './calls.ts'
import type { KmsClient } from './client.ts'
import { createKmsKey, createKmsKeyOnce } from './create.ts'
import { diagnoseKmsKey } from './diagnose.ts'
import { createEmptyKmsKey, importKmsMaterial, kmsImportParameters } from './key-material.ts'
import { readQuotas } from './quotas.ts'
import { type KmsPlace, readKeyInRegions } from './regions.ts'
import { cancelKmsKeyDeletion, destroyKmsKey, disableKmsKey } from './retire.ts'
import { connectKms } from './sdk.ts'
import { createKmsSigner } from './signer.ts'
import { type AwsKmsAccount, type AwsKmsUri, inEachRegion, regionOf } from './uri.ts'
import type { Delay, NewKeyContext } from './visibility.ts'
import type { WebIdentity } from './web-identity.ts'

/** How the provider reaches KMS; everything has a default. */
export interface AwsKmsProviderOptions {
  /** Time to establish a connection, in ms; default 3000. */
  readonly connectTimeoutMs?: number
  /** Time for one attempt of a call, in ms; default 10 000. */
  readonly requestTimeoutMs?: number
  /** What calls are made with: quotas, patience, clock and timers. */
  readonly terms?: Partial<KmsTerms> | undefined
  /** Takes a role for every account; default: the credentials of the SDK's default chain. */
  readonly webIdentity?: WebIdentity | undefined
  /** Proxies that AWS is reached through; default: none. */
  readonly proxies?: Proxies | undefined
  /** Waits for a new key to become visible; default: the pause of the terms. */
  readonly delay?: Delay
  /** Connects to an account; default: the AWS SDK. */
  readonly connect?: (account: AwsKmsAccount) => Promise<KmsClient>
}

/**
 * Opens and makes keys in AWS KMS. Credentials come from the SDK's default chain. A Signer makes
 * exactly one KMS call per signature that succeeds at once, on the ARN its key was pinned to when it was opened.
 */
export function createAwsKmsProvider(options: AwsKmsProviderOptions = {}): AwsKmsKeys {
  return new AwsKmsProvider(options)
}

/** Opens and makes keys in AWS KMS, through the proxies of the environment. */
export function openAwsKms({ env }: Pick<Surroundings, 'env'>): AwsKmsKeys {
  return createAwsKmsProvider({ proxies: readProxies(env), terms: { quotas: readQuotas(env) } })
}

/** What can be done with keys in KMS: everything. */
export type AwsKmsKeys = KeyProvider &
  CredentialRenewal &
  KeyDiagnostics &
  RepeatableCreation &
  KeyPinning &
  KeyDisabler &
  KeyDestroyer &
  DestructionCanceller &
  EmptyCreation &
  MaterialImporter

/** A command line waits a moment for what passes; a service says until when. */
const DEFAULT_TERMS: KmsTerms = {
  quotas: readQuotas(),
  patienceMs: 10_000,
  runtime: createRuntime(Date.now),
  startTimer,
}

class AwsKmsProvider implements AwsKmsKeys {
  readonly #connect: (account: AwsKmsAccount, patienceMs?: number) => Promise<KmsClient>
  readonly #delay: Delay
  /** Filled by #client, emptied by dispose. */
  readonly #clients = new Map<string, Promise<KmsClient>>()
  #isDisposed = false

  constructor(options: AwsKmsProviderOptions) {
    const { connectTimeoutMs: connectMs = 3000, requestTimeoutMs: requestMs = 10_000 } = options
    const { webIdentity, proxies } = options
    const terms = { ...DEFAULT_TERMS, ...options.terms }
    this.#connect =
      options.connect ??
      ((account, patienceMs = terms.patienceMs) => {
        const connection = { connectMs, requestMs, webIdentity, proxies }
        return connectKms(account, { ...connection, terms: { ...terms, patienceMs } })
      })
    this.#delay = options.delay ?? ((ms, signal) => terms.runtime.pause(ms, signal))
  }

  async describe(uri: KeyUri, options?: OpenKeyOptions): Promise<PublicKeyInfo> {
    const kmsUri = this.#accept(uri, options?.signal)
    return (await readKeyInRegions(await this.#places(kmsUri), options)).key
  }

  async open(uri: KeyUri, options?: OpenKeyOptions): Promise<Signer> {
    const kmsUri = this.#accept(uri, options?.signal)
    return createKmsSigner(await readKeyInRegions(await this.#places(kmsUri), options))
  }

  async create(request: CreateKeyRequest): Promise<KeyUri> {
    const kmsUri = this.#accept(request.uri, request.signal)
    return createKmsKey(await this.#newKeyContext(kmsUri), kmsUri, request)
  }

  async createOnce(request: CreateOnceRequest): Promise<KeyUri> {
    const kmsUri = this.#accept(request.uri, request.signal)
    return createKmsKeyOnce(await this.#newKeyContext(kmsUri), kmsUri, request)
  }

  async createEmpty(request: CreateKeyRequest): Promise<KeyUri> {
    const kmsUri = this.#accept(request.uri, request.signal)
    return createEmptyKmsKey(await this.#newKeyContext(kmsUri), kmsUri, request)
  }

  async importParameters(
    uri: KeyUri,
    options?: OpenKeyOptions,
  ): ReturnType<MaterialImporter['importParameters']> {
    const kmsUri = this.#accept(uri, options?.signal)
    return kmsImportParameters(await this.#places(kmsUri), options?.signal)
  }

  async importMaterial(request: MaterialImport): Promise<KeyUri> {
    const kmsUri = this.#accept(request.uri, request.signal)
    const keyId = await importKmsMaterial(await this.#places(kmsUri), request, this.#delay)
    return { ...kmsUri, keyId }
  }

  async pin(uri: KeyUri, options?: OpenKeyOptions): Promise<KeyUri> {
    const kmsUri = this.#accept(uri, options?.signal)
    const { arn } = await readKeyInRegions(await this.#places(kmsUri), options)
    return { ...kmsUri, keyId: arn }
  }

  async disable({ uri }: PinnedKeyPair): Promise<void> {
    const kmsUri = this.#accept(uri)
    await disableKmsKey(await this.#places(kmsUri))
  }

  async destroy({ uri }: PinnedKeyPair): Promise<Destruction> {
    const kmsUri = this.#accept(uri)
    return destroyKmsKey(await this.#places(kmsUri))
  }

  async cancelDestruction({ uri }: PinnedKeyPair): Promise<void> {
    const kmsUri = this.#accept(uri)
    await cancelKmsKeyDeletion(await this.#places(kmsUri))
  }

  /** Of each call one attempt: what fails now is what there is to find. */
  async diagnose(uri: KeyUri, options?: OpenKeyOptions): Promise<readonly Diagnosis[]> {
    const kmsUri = this.#accept(uri, options?.signal)
    const [first, ...others] = inEachRegion(kmsUri)
    const diagnose = (uri: AwsKmsUri): Promise<readonly Diagnosis[]> =>
      diagnoseKmsKey(() => this.#client(uri, 0), uri.keyId, options)
    if (first === undefined || others.length === 0) return diagnose(kmsUri)
    const diagnoses: Diagnosis[] = []
    for (const uri of [first, ...others]) {
      for (const found of await diagnose(uri)) {
        diagnoses.push({ ...found, found: `${uri.region ?? ''}: ${found.found}` })
      }
    }
    return diagnoses
  }

  async renewCredentials(): Promise<boolean> {
    const clients = await Promise.allSettled(this.#clients.values())
    const connected = clients.flatMap((client) =>
      client.status === 'fulfilled' ? [client.value] : [],
    )
    const renewals = connected.map((client) => client.renewCredentials())
    return (await Promise.all(renewals)).includes(true)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    for (const client of await Promise.allSettled(clients)) {
      if (client.status === 'fulfilled') client.value.close()
    }
  }

  #accept(uri: KeyUri, signal?: AbortSignal): AwsKmsUri {
    if (this.#isDisposed) throw disposedProvider('awskms')
    assertNotCancelled(signal)
    if (uri.scheme === 'awskms') return uri
    throw wrongScheme('awskms', uri)
  }

  #places(uri: AwsKmsUri): Promise<readonly KmsPlace[]> {
    const place = async (one: AwsKmsUri): Promise<KmsPlace> => ({
      client: await this.#client(one),
      keyId: one.keyId,
    })
    return Promise.all(inEachRegion(uri).map(place))
  }

  async #newKeyContext(uri: AwsKmsUri): Promise<NewKeyContext> {
    const [first, ...others] = await this.#places(uri)
    if (first === undefined) throw new TypeError('a key is in one region at least')
    return { client: first.client, others: others.map(({ client }) => client), delay: this.#delay }
  }

  #client(uri: AwsKmsUri, patienceMs?: number): Promise<KmsClient> {
    const { endpoint, profile } = uri
    const region = regionOf(uri)
    const id = JSON.stringify([endpoint, region, profile, patienceMs])
    const known = this.#clients.get(id)
    if (known !== undefined) return known
    const account = {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(profile === undefined ? {} : { profile }),
    }
    const client = this.#connect(account, patienceMs)
    this.#clients.set(id, client)
    // A failure is not remembered: the environment may be fixed while this process runs.
    client.catch(() => this.#clients.delete(id))
    return client
  }
}
