/** KmsClient over the AWS SDK; the only module that knows it. */
import {
  KMS,
  type KMSClientConfig,
  type KeySpec,
  type SigningAlgorithmSpec,
  type SignCommandInput,
} from '@aws-sdk/client-kms'
import { RenewableCredentials } from '../../client/aws-credentials.ts'
import { type AwsConnection, awsSettings } from '../../client/aws-settings.ts'
import { displayProxy } from '../../client/proxies.ts'
import type { StartTimer } from '../../basics/timer.ts'
import { CountersignError } from '../../errors.ts'
import { type KmsCall, pingUrl } from './call.ts'
import { KmsCalls, type KmsTerms } from './calls.ts'
import type { KmsCallOptions, KmsClient, KmsFacts, KmsSignRequest } from './client.ts'
import { FOUND_CAUSES } from './causes/keys.ts'
import { hasCorrectedClock, kmsCauseError, sdkErrorName, toKmsError } from './errors.ts'
import type { AwsKmsAccount } from './uri.ts'
import { type WebIdentity, webIdentityCredentials } from './web-identity.ts'

/** How KMS is connected to. */
export interface KmsConnection extends AwsConnection {
  readonly terms: KmsTerms
  readonly webIdentity?: WebIdentity | undefined
}

/** The shortest waiting period KMS takes. */
const DELETION_DAYS = 7
/** The most KMS gives at a time. */
const MAX_KEYS_PER_PAGE = 1000
/** The most a key has. */
const MAX_TAGS = 50

/**
 * Connects to the KMS of one account. Whatever the account leaves open, and credentials unless an identity
 * opens a role, come from the SDK's default chain: environment, shared files, container, instance.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — no region, or an invalid one
 */
export async function connectKms(
  account: AwsKmsAccount,
  connection: KmsConnection,
): Promise<KmsClient> {
  const { region } = account
  const { webIdentity, terms } = connection
  const shared = awsSettings(account, { ...connection, maxAttempts: 1 })
  const { requestHandler } = shared
  const settings: KMSClientConfig = {
    ...shared,
    ...(webIdentity && {
      credentials: webIdentityCredentials(webIdentity, { region, requestHandler }),
    }),
  }
  const sdk = new KMS(settings)
  const facts = { ...account, region: await resolveRegion(sdk) }
  return new SdkKmsClient({ sdk, terms }, { ...facts, proxy: proxyOf(facts, connection) })
}

async function resolveRegion(sdk: KMS): Promise<string> {
  try {
    return await sdk.config.region()
  } catch (cause) {
    const call = { operation: 'connect' }
    const message = 'no valid AWS region is configured'
    throw kmsCauseError(FOUND_CAUSES['region-missing'], call, message, cause)
  }
}

/** An endpoint on this machine is reached in plain HTTP, and without a proxy. */
function proxyOf(facts: KmsFacts, { proxies }: KmsConnection): string | undefined {
  const url = new URL(pingUrl({ operation: '', ...facts }))
  const proxy = url.protocol === 'https:' ? proxies?.proxyFor(url) : undefined
  return proxy && displayProxy(proxy)
}

class SdkKmsClient implements KmsClient {
  readonly #sdk: KMS
  readonly #calls: KmsCalls
  readonly #startTimer: StartTimer
  readonly facts: KmsFacts
  readonly #credentials: RenewableCredentials

  constructor({ sdk, terms }: { readonly sdk: KMS; readonly terms: KmsTerms }, facts: KmsFacts) {
    this.#sdk = sdk
    this.#calls = new KmsCalls(terms)
    this.#startTimer = terms.startTimer
    this.facts = facts
    this.#credentials = new RenewableCredentials(sdk.config.credentials)
  }

  async getPublicKey(
    keyId: string,
    options: KmsCallOptions = {},
  ): ReturnType<KmsClient['getPublicKey']> {
    const call = { operation: 'GetPublicKey', keyId, ...timesOf(options) }
    const found = await this.#call(call, (options) =>
      this.#sdk.getPublicKey({ KeyId: keyId }, options),
    )
    return {
      arn: present(call, 'KeyId', found.KeyId),
      usage: present(call, 'KeyUsage', found.KeyUsage),
      algorithms: found.SigningAlgorithms ?? [],
      spki: present(call, 'PublicKey', found.PublicKey),
    }
  }

  async describeKey(
    keyId: string,
    options: KmsCallOptions = {},
  ): ReturnType<KmsClient['describeKey']> {
    const call = { operation: 'DescribeKey', keyId, ...timesOf(options) }
    const { KeyMetadata: key } = await this.#call(call, (sent) =>
      this.#sdk.describeKey({ KeyId: keyId }, sent),
    )
    return {
      arn: present(call, 'Arn', key?.Arn),
      state: present(call, 'KeyState', key?.KeyState),
      usage: present(call, 'KeyUsage', key?.KeyUsage),
      spec: present(call, 'KeySpec', key?.KeySpec),
      algorithms: key?.SigningAlgorithms ?? [],
      deletionDate: key?.DeletionDate,
      isInCustomStore: key?.CustomKeyStoreId !== undefined,
    }
  }

  async sign(request: KmsSignRequest, options: KmsCallOptions = {}): ReturnType<KmsClient['sign']> {
    const call = toSignCall(request, options)
    const answer = await this.#call(call, (options) =>
      this.#sdk.sign(toSignInput(request), options),
    )
    return {
      keyArn: present(call, 'KeyId', answer.KeyId),
      signature: present(call, 'Signature', answer.Signature),
      requestId: answer.$metadata.requestId,
    }
  }

  async trySign(request: KmsSignRequest, options: KmsCallOptions = {}): Promise<void> {
    await this.#call(toSignCall(request, options), async (sent) => {
      try {
        await this.#sdk.sign({ ...toSignInput(request), DryRun: true }, sent)
      } catch (error) {
        // KMS answers a dry run that would succeed with this error.
        if (sdkErrorName(error) !== 'DryRunOperationException') throw error
      }
    })
  }

  async createKey(
    request: Parameters<KmsClient['createKey']>[0],
    signal?: AbortSignal,
  ): Promise<string> {
    const call = { operation: 'CreateKey', signal }
    const { KeyMetadata: key } = await this.#call(call, (options) =>
      this.#sdk.createKey(
        {
          KeySpec: request.spec as KeySpec,
          KeyUsage: 'SIGN_VERIFY',
          Description: request.description,
          Tags: toTags(request.tags),
          ...(request.isMultiRegion && { MultiRegion: true }),
          ...(request.isExternal === true && { Origin: 'EXTERNAL' as const }),
        },
        options,
      ),
    )
    return present(call, 'Arn', key?.Arn)
  }

  async replicateKey(
    { keyArn, region, description, tags }: Parameters<KmsClient['replicateKey']>[0],
    signal?: AbortSignal,
  ): Promise<void> {
    const input = {
      KeyId: keyArn,
      ReplicaRegion: region,
      Description: description,
      Tags: toTags(tags),
    }
    await this.#call({ operation: 'ReplicateKey', keyId: keyArn, signal }, (options) =>
      this.#sdk.replicateKey(input, options),
    )
  }

  async getParametersForImport(
    keyId: string,
    signal?: AbortSignal,
  ): ReturnType<KmsClient['getParametersForImport']> {
    const call = { operation: 'GetParametersForImport', keyId, signal }
    const input = {
      KeyId: keyId,
      WrappingAlgorithm: 'RSA_AES_KEY_WRAP_SHA_256',
      WrappingKeySpec: 'RSA_4096',
    } as const
    const given = await this.#call(call, (sent) => this.#sdk.getParametersForImport(input, sent))
    return {
      wrappingKey: present(call, 'PublicKey', given.PublicKey),
      token: present(call, 'ImportToken', given.ImportToken),
      validUntil: present(call, 'ParametersValidTo', given.ParametersValidTo),
    }
  }

  async importKeyMaterial(
    { keyId, token, material }: Parameters<KmsClient['importKeyMaterial']>[0],
    signal?: AbortSignal,
  ): Promise<void> {
    const input = {
      KeyId: keyId,
      ImportToken: token,
      EncryptedKeyMaterial: material,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    } as const
    await this.#call({ operation: 'ImportKeyMaterial', keyId, signal }, (sent) =>
      this.#sdk.importKeyMaterial(input, sent),
    )
  }

  async createAlias(name: string, keyArn: string, signal?: AbortSignal): Promise<void> {
    await this.#call({ operation: 'CreateAlias', keyId: name, signal }, (options) =>
      this.#sdk.createAlias({ AliasName: name, TargetKeyId: keyArn }, options),
    )
  }

  async scheduleKeyDeletion(keyArn: string): Promise<Date | undefined> {
    const call = { operation: 'ScheduleKeyDeletion', keyId: keyArn }
    const answer = await this.#call(call, (options) =>
      this.#sdk.scheduleKeyDeletion({ KeyId: keyArn, PendingWindowInDays: DELETION_DAYS }, options),
    )
    if (answer.KeyState === 'PendingReplicaDeletion') return undefined
    return present(call, 'DeletionDate', answer.DeletionDate)
  }

  async cancelKeyDeletion(keyArn: string): Promise<void> {
    await this.#call({ operation: 'CancelKeyDeletion', keyId: keyArn }, (options) =>
      this.#sdk.cancelKeyDeletion({ KeyId: keyArn }, options),
    )
  }

  async disableKey(keyArn: string): Promise<void> {
    await this.#call({ operation: 'DisableKey', keyId: keyArn }, (options) =>
      this.#sdk.disableKey({ KeyId: keyArn }, options),
    )
  }

  async listKeys(
    marker: string | undefined,
    signal?: AbortSignal,
  ): ReturnType<KmsClient['listKeys']> {
    const call = { operation: 'ListKeys', signal }
    const input = { Limit: MAX_KEYS_PER_PAGE, ...(marker === undefined ? {} : { Marker: marker }) }
    const page = await this.#call(call, (options) => this.#sdk.listKeys(input, options))
    return {
      arns: (page.Keys ?? []).map((key) => present(call, 'KeyArn', key.KeyArn)),
      marker: page.Truncated === true ? page.NextMarker : undefined,
    }
  }

  async listTags(keyArn: string, signal?: AbortSignal): ReturnType<KmsClient['listTags']> {
    const call = { operation: 'ListResourceTags', keyId: keyArn, signal }
    const input = { KeyId: keyArn, Limit: MAX_TAGS }
    const { Tags: tags = [] } = await this.#call(call, (options) =>
      this.#sdk.listResourceTags(input, options),
    )
    return new Map(tags.map(({ TagKey = '', TagValue = '' }) => [TagKey, TagValue]))
  }

  clockOffsetMs(): number {
    return this.#sdk.config.systemClockOffset
  }

  renewCredentials(): Promise<boolean> {
    return this.#credentials.renew()
  }

  close(): void {
    this.#sdk.destroy()
  }

  #call<T>(call: KmsCall, send: Send<T>): Promise<T> {
    return this.#calls.run(call, () =>
      this.#credentials.retrying(() => this.#attempt(call, send), call.signal),
    )
  }

  async #attempt<T>(call: KmsCall, send: Send<T>): Promise<T> {
    const { signal } = call
    const once = (): Promise<T> => this.#timed(call, send)
    try {
      return await once().catch((error: unknown) => {
        if (!hasCorrectedClock(error) || signal?.aborted === true) throw error
        return once()
      })
    } catch (error) {
      throw toKmsError(error, { ...call, ...this.facts })
    }
  }

  /** Leaves a region that does not answer for the next one sooner than the SDK gives up. */
  async #timed<T>({ attemptMs, signal }: KmsCall, send: Send<T>): Promise<T> {
    if (attemptMs === undefined) return send(signal === undefined ? {} : { abortSignal: signal })
    const late = new AbortController()
    const stopTimer = this.#startTimer(() => {
      late.abort()
    }, attemptMs)
    try {
      const signals = signal === undefined ? [late.signal] : [late.signal, signal]
      return await send({ abortSignal: AbortSignal.any(signals) })
    } catch (error) {
      if (!late.signal.aborted || signal?.aborted === true) throw error
      throw Object.assign(new Error(`no answer in ${attemptMs} ms`), { name: 'TimeoutError' })
    } finally {
      stopTimer()
    }
  }
}

/** Makes one request. */
type Send<T> = (options: { abortSignal?: AbortSignal }) => Promise<T>

function toSignCall({ keyArn, ...signing }: KmsSignRequest, options: KmsCallOptions): KmsCall {
  return { operation: 'Sign', keyId: keyArn, signing, ...timesOf(options) }
}

function timesOf(options: KmsCallOptions): Partial<KmsCall> {
  const { attemptMs, isSingle, owner, signal, until } = options
  return { attemptMs, isSingle, owner, signal, until }
}

function toTags(tags: Readonly<Record<string, string>>): { TagKey: string; TagValue: string }[] {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
}

function toSignInput(request: KmsSignRequest): SignCommandInput {
  return {
    KeyId: request.keyArn,
    SigningAlgorithm: request.algorithm as SigningAlgorithmSpec,
    MessageType: request.messageType,
    Message: request.message,
  }
}

/** KMS always fills these members; what stands in for it may not. */
function present<T>(call: KmsCall, member: string, value: T | undefined): T {
  if (value !== undefined) return value
  throw new CountersignError(
    'ERR_PROVIDER_FAULT',
    `AWS KMS ${call.operation} answered without ${member}`,
    {
      hint: 'check that the endpoint is AWS KMS',
      details: { provider: 'awskms', operation: call.operation },
    },
  )
}
